/* day4_1 without handlers: sigwaitinfo takes the blocked signals one by one, and sigtimedwait what is left at the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int print(const char *line) {
    size_t left = strlen(line);
    while (left > 0) {
        ssize_t n = write(1, line, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("cannot print");
        line += n;
        left -= n;
    }
    return 0;
}

static void nothing(int signal) { (void)signal; }

static int try_to_catch(const char *text) {
    const char *digits = text + (*text == '+' || *text == '-');
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (strspn(digits, "0123456789") != strlen(digits) || *digits == 0 || errno || number > INT_MAX || number < INT_MIN) {
        fprintf(stderr, "usage: day4_1_sigaction [-t NUMBER]\n");
        return 2;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    if (sigaction(number, &action, NULL) == 0) return print("ok\n");
    if (errno == EINVAL) return print("EINVAL\n");
    return failed("sigaction");
}

static int count(void) {
    char line[100];
    unsigned long usr1 = 0, usr2 = 0, rt = 0;
    sigset_t set;
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGTERM);
    if (sigaction(SIGINT, NULL, &old) < 0) return failed("sigaction");
    if (old.sa_handler != SIG_IGN) sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return failed("sigprocmask");
    action.sa_handler = SIG_DFL;
    for (int i = 1; i <= SIGRTMIN; i++)
        if (sigismember(&set, i) == 1 && sigaction(i, &action, NULL) < 0) return failed("sigaction");
    action.sa_handler = SIG_IGN;
    if (sigaction(SIGHUP, &action, NULL) < 0) return failed("sigaction");
    snprintf(line, sizeof line, "ready %d\n", (int)getpid());
    if (print(line)) return 1;
    int end = 0;
    for (;;) {
        /* After the end: only what is pending already. */
        struct timespec none = {0, 0};
        int got = end ? sigtimedwait(&set, NULL, &none) : sigwaitinfo(&set, NULL);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) break;
        if (got < 0) return failed("sigwaitinfo");
        if (got == SIGUSR1) usr1++;
        else if (got == SIGUSR2) usr2++;
        else if (got == SIGRTMIN) rt++;
        else end = 1;
    }
    snprintf(line, sizeof line, "usr1=%lu usr2=%lu rt=%lu\n", usr1, usr2, rt);
    return print(line);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc == 1) return count();
    if (argc == 3 && strcmp(argv[1], "-t") == 0) return try_to_catch(argv[2]);
    fprintf(stderr, "usage: day4_1_sigaction [-t NUMBER]\n");
    return 2;
}
