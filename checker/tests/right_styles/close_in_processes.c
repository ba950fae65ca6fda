/* day3_4 with a process for each client, which waits in select: the server itself never holds a connection for long. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long limit = 3000;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* Returns -2 when the time is over. */
static ssize_t read_before(int fd, void *bytes, size_t length, long long deadline) {
    for (;;) {
        long long left = deadline - now();
        if (left <= 0)
            return -2;
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        struct timeval time = {left / 1000, left % 1000 * 1000};
        if (select(fd + 1, &readable, NULL, NULL, &time) <= 0)
            continue;
        ssize_t count = read(fd, bytes, length);
        if (count >= 0 || errno != EINTR)
            return count;
    }
}

/* Returns 0 when the client has gone. */
static int write_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0 && errno != EINTR)
            return 0;
        if (count > 0)
            bytes += count, length -= count;
    }
    return 1;
}

static int number(const char *text, size_t length, long most, long *value) {
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || i > 16)
            return 0;
        *value = *value * 10 + text[i] - '0';
    }
    return length > 0 && *value <= most;
}

static int send_digits(int client, long count) {
    char block[5000];
    for (long sent = 0; sent < count;) {
        size_t filled = 0;
        while (filled < sizeof block && sent < count)
            block[filled++] = '0' + sent++ % 10;
        if (!write_all(client, block, filled))
            return 0;
    }
    return 1;
}

static void serve(int client) {
    char line[100], *end = NULL, rest[4096];
    size_t filled = 0;
    long count = -1;
    long long deadline = now() + limit;
    while (!end && filled < sizeof line) {
        ssize_t n = read_before(client, line + filled, sizeof line - filled, deadline);
        if (n == -1)
            return;
        if (n <= 0)
            break;
        filled += n;
        end = memchr(line, '\n', filled);
    }
    int is_request = end && end - line > 4 && !memcmp(line, "GET ", 4) &&
                     number(line + 4, end - line - 4, 10000000, &count);
    if (!(is_request ? send_digits(client, count) : write_all(client, "bad request\n", 12)))
        return;
    if (shutdown(client, SHUT_WR) < 0)
        return;
    deadline = now() + limit;
    for (long drained = 0; drained < 1000000;) {
        ssize_t n = read_before(client, rest, sizeof rest, deadline);
        if (n <= 0)
            return;
        drained += n;
    }
}

static int usage(void) {
    fprintf(stderr, "usage: [-t MS] ADDRESS:PORT\n");
    return 2;
}

int main(int count, char **words) {
    if (count == 4 && !strcmp(words[1], "-t") && number(words[2], strlen(words[2]), 1000000, &limit) && limit > 0)
        words += 2, count -= 2;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    char *colon = count == 2 ? strrchr(words[1], ':') : NULL;
    long port;
    if (!colon || !number(colon + 1, strlen(colon + 1), 65535, &port))
        return usage();
    *colon = 0;
    if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1)
        return usage();
    address.sin_port = htons(port);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (void *)&address, length) < 0 || listen(listener, 50) < 0 ||
        getsockname(listener, (void *)&address, &length) < 0) {
        perror("cannot listen");
        return 1;
    }
    printf("listening %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    fflush(stdout);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO)
                nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            continue;
        }
        if (fork() == 0) {
            close(listener);
            serve(client);
            _exit(0);
        }
        close(client);
    }
}
