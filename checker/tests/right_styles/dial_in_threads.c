/* day2_6 with a thread for each try, which begins late. Main waits meanwhile in a poll of its own, without a limit; when
 * standard output is full, it polls for room. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct try {
    struct sockaddr_storage to, from;
    socklen_t length;
    int limit, error, done[2];
};

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for events until a moment, or for ever; 0 when the time is over. */
static int await(int fd, int events, long until) {
    for (;;) {
        long rest = until < 0 ? -1 : until - now();
        int ready = poll(&(struct pollfd){.fd = fd, .events = events}, 1, until >= 0 && rest < 0 ? 0 : rest);
        if (ready >= 0 || errno != EINTR)
            return ready;
    }
}

static void print(const char *line) {
    size_t length = strlen(line);
    while (length) {
        ssize_t count = write(1, line, length);
        if (count < 0 && errno == EAGAIN)
            await(1, POLLOUT, -1);
        else if (count < 0 && errno != EINTR)
            exit(1);
        else if (count > 0)
            line += count, length -= count;
    }
}

static int outcome_of(struct try *try, long until) {
    int fd = socket(try->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    if (fd < 0)
        return errno;
    if (connect(fd, (struct sockaddr *)&try->to, try->length) < 0)
        error = errno;
    if (error == EINPROGRESS) {
        socklen_t length = sizeof error;
        if (await(fd, POLLOUT, until) == 0)
            error = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    }
    socklen_t length = sizeof try->from;
    getsockname(fd, (struct sockaddr *)&try->from, &length);
    close(fd);
    return error;
}

static void *run(void *of) {
    struct try *try = of;
    long until = try->limit ? now() + try->limit : -1;
    nanosleep(&(struct timespec){.tv_nsec = 8000000}, NULL);
    try->error = until >= 0 && now() >= until ? ETIMEDOUT : outcome_of(try, until);
    if (write(try->done[1], "", 1) != 1)
        abort();
    return NULL;
}

static int parsed(const char *text, struct try *try) {
    char ip[64] = "";
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : sizeof ip;
    if (length >= sizeof ip || strspn(colon + 1, "0123456789") != strlen(colon + 1) || !colon[1])
        return 0;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    memcpy(ip, text, length);
    struct sockaddr_in *four = (void *)&try->to;
    struct sockaddr_in6 *six = (void *)&try->to;
    try->length = sizeof *four;
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    if (ip[0] != '[')
        return port <= 65535 && inet_pton(AF_INET, ip, &four->sin_addr) == 1;
    if (ip[length - 1] != ']')
        return 0;
    ip[length - 1] = 0;
    try->length = sizeof *six;
    six->sin6_family = AF_INET6;
    return port <= 65535 && inet_pton(AF_INET6, ip + 1, &six->sin6_addr) == 1;
}

static void tell_local(struct try *try) {
    char ip[INET6_ADDRSTRLEN], line[128];
    struct sockaddr_in *four = (void *)&try->from;
    struct sockaddr_in6 *six = (void *)&try->from;
    int is_six = try->from.ss_family == AF_INET6;
    inet_ntop(try->from.ss_family, is_six ? (void *)&six->sin6_addr : (void *)&four->sin_addr, ip, sizeof ip);
    snprintf(line, sizeof line, is_six ? "local [%s]:%d\n" : "local %s:%d\n", ip, ntohs(four->sin_port));
    print(line);
}

static void tell(const char *address, int error) {
    char line[256];
    const char *known = !error ? "connected"
        : error == ECONNREFUSED ? "refused"
        : error == ETIMEDOUT ? "timeout"
        : error == ENETUNREACH || error == EHOSTUNREACH ? "unreachable"
        : NULL;
    if (known)
        snprintf(line, sizeof line, "%s %s\n", address, known);
    else
        snprintf(line, sizeof line, "%s error %s\n", address, strerrorname_np(error));
    print(line);
}

static long number(const char *text, long least, long most) {
    size_t digits = text ? strspn(text, "0123456789") : 0;
    long value = digits && digits < 9 && !text[digits] ? atol(text) : -1;
    if (value < least || value > most) {
        fprintf(stderr, "usage: [-t MS] [-r N] [-p MS] ADDRESS:PORT...\n");
        exit(2);
    }
    return value;
}

int main(int count, char **words) {
    long limit = 0, rounds = 0, pause = 100;
    int first = 1;
    for (; first < count && words[first][0] == '-'; first += 2) {
        char *value = first + 1 < count ? words[first + 1] : NULL;
        if (!strcmp(words[first], "-t"))
            limit = number(value, 1, 1000000);
        else if (!strcmp(words[first], "-r"))
            rounds = number(value, 0, 10);
        else if (!strcmp(words[first], "-p"))
            pause = number(value, 1, 1000000);
        else
            number(NULL, 0, 0);
    }
    if (first >= count)
        number(NULL, 0, 0);
    for (int i = first; i < count; i++)
        if (!parsed(words[i], &(struct try){0}))
            number(NULL, 0, 0);
    fcntl(1, F_SETFL, O_NONBLOCK);
    for (; ; pause *= 2) {
        for (int i = first; i < count; i++) {
            struct try try = {.limit = limit};
            pthread_t thread;
            parsed(words[i], &try);
            if (pipe2(try.done, O_CLOEXEC) < 0)
                return perror("pipe2"), 1;
            pthread_create(&thread, NULL, run, &try);
            while (poll(&(struct pollfd){.fd = try.done[0], .events = POLLIN}, 1, -1) < 0 && errno == EINTR)
                ;
            pthread_join(thread, NULL);
            close(try.done[0]);
            close(try.done[1]);
            tell(words[i], try.error);
            if (!try.error)
                return tell_local(&try), 0;
        }
        if (!rounds--)
            return fprintf(stderr, "no address answers\n"), 1;
        char line[64];
        snprintf(line, sizeof line, "again in %ld ms\n", pause);
        print(line);
        long until = now() + pause;
        while (now() < until)
            poll(NULL, 0, until - now());
    }
}
