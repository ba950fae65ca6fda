/* day3_2 with epoll without a time limit: a timer among what it watches ends the wait. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static long limit = 500, tries = 4;
static struct sockaddr_in server = {.sin_family = AF_INET};
static char *text, answer[65536];

static void end(int status, const char *reason) {
    dprintf(2, "ask: %s\n", reason);
    _exit(status);
}

static void fail(void) {
    end(1, errno == ECONNREFUSED ? "refused" : strerror(errno));
}

static long number(const char *word, long least, long most) {
    size_t length = strlen(word);
    if (length == 0 || length > 9 || strspn(word, "0123456789") != length)
        end(2, "no number");
    long value = atol(word);
    if (value < least || value > most)
        end(2, "a number is out of its range");
    return value;
}

static void read_arguments(int count, char **words) {
    int next = 1;
    while (next + 1 < count && words[next][0] == '-') {
        if (strcmp(words[next], "-t") == 0)
            limit = number(words[next + 1], 1, 1000000);
        else if (strcmp(words[next], "-n") == 0)
            tries = number(words[next + 1], 1, 100);
        else
            end(2, "unknown option");
        next += 2;
    }
    if (count - next != 2)
        end(2, "usage: [-t MS] [-n TRIES] ADDRESS:PORT TEXT");
    char *colon = strchr(words[next], ':');
    if (colon == NULL)
        end(2, "no address");
    *colon = 0;
    if (inet_pton(AF_INET, words[next], &server.sin_addr) != 1)
        end(2, "no address");
    server.sin_port = htons(number(colon + 1, 0, 65535));
    text = words[next + 1];
}

static void print(const char *bytes, size_t count) {
    char *line = malloc(count + 1);
    memcpy(line, bytes, count);
    line[count++] = '\n';
    for (size_t done = 0; done < count;) {
        ssize_t written = write(1, line + done, count - done);
        if (written < 0 && errno != EINTR)
            end(1, "cannot print");
        if (written > 0)
            done += written;
    }
    _exit(0);
}

/* Reads all that has come, and prints the answer to this question. */
static void look(int fd, const char *id) {
    for (;;) {
        ssize_t count = recv(fd, answer, sizeof answer, 0);
        if (count >= 4 && memcmp(answer, id, 4) == 0)
            print(answer + 4, count - 4);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0 && errno != EINTR)
            fail();
    }
}

static void watch(int set, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    read_arguments(count, words);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        fail();
    char id[4];
    if (getentropy(id, sizeof id) != 0)
        fail();
    struct iovec parts[] = {{id, sizeof id}, {text, strlen(text)}};
    struct msghdr question = {.msg_iov = parts, .msg_iovlen = 2};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), set = epoll_create1(0);
    watch(set, fd);
    watch(set, timer);
    struct itimerspec rings = {.it_value = {limit / 1000, limit % 1000 * 1000000}};
    while (tries-- > 0) {
        while (sendmsg(fd, &question, 0) < 0)
            if (errno != EINTR)
                fail();
        timerfd_settime(timer, 0, &rings, NULL);
        uint64_t rung = 0;
        while (rung == 0) {
            struct epoll_event events[2];
            if (epoll_wait(set, events, 2, -1) < 0 && errno != EINTR)
                fail();
            look(fd, id);
            if (read(timer, &rung, sizeof rung) < 0)
                rung = 0;
        }
    }
    end(1, "no answer");
}
