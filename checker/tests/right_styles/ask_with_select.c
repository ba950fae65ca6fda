/* day3_2 with select, which counts the time that is left down in the program's own variable: after a signal or another's
 * answer, it is called again with that. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int usage(void) {
    fprintf(stderr, "usage: ask_with_select [-t MS] [-n TRIES] ADDRESS:PORT TEXT\n");
    exit(2);
}

static int fail(const char *call) {
    perror(call); /* ECONNREFUSED is "Connection refused" */
    exit(1);
}

static long number(const char *text, long least, long most) {
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length)
        usage();
    long value = atol(text);
    return value >= least && value <= most ? value : usage();
}

static void print(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = write(1, bytes, length);
        if (count < 0 && errno != EINTR)
            fail("write");
        if (count > 0)
            bytes += count, length -= count;
    }
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    long limit = 500, tries = 4;
    int at = 1;
    for (; at + 1 < count && words[at][0] == '-'; at += 2) {
        if (strcmp(words[at], "-t") == 0)
            limit = number(words[at + 1], 1, 1000000);
        else if (strcmp(words[at], "-n") == 0)
            tries = number(words[at + 1], 1, 100);
        else
            usage();
    }
    char *colon = count - at == 2 ? strchr(words[at], ':') : NULL;
    if (!colon)
        usage();
    *colon = 0;
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(number(colon + 1, 0, 65535))};
    if (inet_pton(AF_INET, words[at], &server.sin_addr) != 1)
        usage();

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("connect");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    srand(now.tv_nsec);
    int id = rand();
    size_t length = strlen(words[at + 1]) + sizeof id;
    char *question = malloc(length), *answer = malloc(65536);
    memcpy(question, &id, sizeof id);
    memcpy(question + sizeof id, words[at + 1], length - sizeof id);

    while (tries-- > 0) {
        while (send(fd, question, length, 0) < 0)
            if (errno != EINTR)
                fail("send");
        struct timeval left = {limit / 1000, limit % 1000 * 1000};
        for (;;) {
            fd_set readable;
            FD_ZERO(&readable);
            FD_SET(fd, &readable);
            int ready = select(fd + 1, &readable, NULL, NULL, &left);
            if (ready == 0)
                break;
            ssize_t came = ready < 0 ? -1 : recv(fd, answer, 65535, 0);
            if (came < 0 && errno != EINTR)
                fail("recv");
            if (came < (ssize_t)sizeof id || memcmp(answer, question, sizeof id) != 0)
                continue;
            answer[came] = '\n';
            print(answer + sizeof id, came + 1 - sizeof id);
            return 0;
        }
    }
    fprintf(stderr, "no answer\n");
    return 1;
}
