/* day3_2 with a socket that never blocks, whose send no signal interrupts, and which is emptied at each edge of epoll. A
 * timerfd keeps the time. The answer goes out through stdio, which gives up when a signal interrupts it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

static int usage(void) {
    fprintf(stderr, "usage: ask_at_the_edge [-t MS] [-n TRIES] ADDRESS:PORT TEXT\n");
    exit(2);
}

static int fail(const char *call) {
    if (errno == ECONNREFUSED)
        fprintf(stderr, "refused\n");
    else
        perror(call);
    exit(1);
}

static long number(const char *text, long least, long most) {
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length)
        usage();
    long value = atol(text);
    return value >= least && value <= most ? value : usage();
}

/* Receives until nothing is left; prints the answer if it is there, and ends. */
static void receive_all(int fd, unsigned wanted) {
    static char answer[65536];
    unsigned number;
    struct iovec parts[2] = {{&number, sizeof number}, {answer, sizeof answer}};
    for (;;) {
        ssize_t length = readv(fd, parts, 2);
        if (length < 0 && errno == EAGAIN)
            return;
        if (length < 0 && errno != EINTR)
            fail("readv");
        if (length < (ssize_t)sizeof number || number != wanted)
            continue;
        length -= sizeof number;
        answer[length++] = '\n';
        if (fwrite(answer, 1, length, stdout) != (size_t)length || fflush(stdout) != 0)
            fail("write");
        exit(0);
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

    unsigned id;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event of_socket = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    struct epoll_event of_timer = {.events = EPOLLIN, .data.fd = timer};
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 || getrandom(&id, sizeof id, 0) < 0)
        fail("connect");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &of_socket) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &of_timer) < 0)
        fail("epoll_ctl");

    char *text = words[at + 1];
    struct iovec question[2] = {{&id, sizeof id}, {text, strlen(text)}};
    while (tries-- > 0) {
        if (writev(fd, question, 2) < 0)
            fail("writev");
        struct itimerspec time = {.it_value = {limit / 1000, limit % 1000 * 1000000}};
        timerfd_settime(timer, 0, &time, NULL);
        for (int is_over = 0; !is_over;) {
            struct epoll_event event;
            if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
                fail("epoll_wait");
            receive_all(fd, id);
            /* Also after a signal: 8 bytes come from a timer that has gone off. */
            char times[8];
            is_over = read(timer, times, sizeof times) == sizeof times;
        }
    }
    fprintf(stderr, "no answer\n");
    return 1;
}
