/* day4_1 as it is with musl, whose first real-time signal is 35, and whose sigaction refuses those below. Its standard
 * output does not block. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 35 };

static volatile sig_atomic_t usr1, usr2, real_time, is_over;

static void handle(int number) {
    if (number == SIGUSR1)
        usr1++;
    else if (number == SIGUSR2)
        usr2++;
    else if (number == FIRST)
        real_time++;
    else
        is_over = 1;
}

static int install(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigfillset(&action.sa_mask);
    if (number >= 32 && number < FIRST)
        return errno = EINVAL, -1;
    return sigaction(number, &action, NULL);
}

static void print(const char *line) {
    size_t length = strlen(line);
    while (length) {
        ssize_t count = write(1, line, length);
        if (count < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = 1, .events = POLLOUT}, 1, -1);
        else if (count < 0 && errno != EINTR)
            perror("cannot print"), exit(1);
        else if (count > 0)
            line += count, length -= count;
    }
}

int main(int count, char **words) {
    char line[128];
    fcntl(1, F_SETFL, O_NONBLOCK);
    if (count == 3 && !strcmp(words[1], "-t") && words[2][0] && strspn(words[2], "0123456789") == strlen(words[2])) {
        print(install(atoi(words[2]), handle) < 0 ? "EINVAL\n" : "ok\n");
        return 0;
    }
    if (count != 1)
        return fprintf(stderr, "usage: [-t NUMBER]\n"), 2;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    struct sigaction old;
    sigaction(SIGINT, NULL, &old);
    int numbers[] = {SIGUSR1, SIGUSR2, FIRST, SIGTERM, SIGINT};
    for (int i = 0; i < 5; i++)
        if (numbers[i] != SIGINT || old.sa_handler != SIG_IGN)
            install(numbers[i], handle);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, &all, NULL);
    snprintf(line, sizeof line, "ready %d\n", getpid());
    print(line);
    while (!is_over)
        sigsuspend(&none);
    /* What is pending with SIGTERM still counts. */
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(line, sizeof line, "usr1=%d usr2=%d rt=%d\n", usr1, usr2, real_time);
    print(line);
    return 0;
}
