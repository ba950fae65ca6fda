// A command with a time limit (day4_3_timeout), with handlers that set flags, setitimer, and sigsuspend: the mask is open in
// this call only. Its command may be asked to end in the moment in which it has just said that it is ready.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const int awaited[] = {SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGALRM};
static volatile sig_atomic_t has_come[65];

static void note(int signal) { has_come[signal] = 1; }

static int failed(const char *what) {
    perror(what);
    return 1;
}

// 0 if it is no number, or too large.
static long milliseconds(const char *text) {
    size_t length = strlen(text), zeros = strspn(text, "0");
    if (length == 0 || length - zeros > 10 || strspn(text, "0123456789") != length) return 0;
    long number = atol(text);
    return number <= 1000000000 ? number : 0;
}

static void set_alarm(long time) {
    struct itimerval timer = {.it_value = {time / 1000, time % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void tell(pid_t child, int signal) {
    kill(-child, signal);
    if (signal != SIGKILL) kill(-child, SIGCONT);
}

static void become(char **command) {
    sigset_t none;
    setpgid(0, 0);
    for (int number = 1; number <= SIGRTMAX; number++) signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(command[0], command);
    int reason = errno;
    perror(command[0]);
    _exit(reason == ENOENT ? 127 : 126);
}

static int has_ended(pid_t child) {
    siginfo_t news = {0};
    waitid(P_PID, child, &news, WEXITED | WNOHANG | WNOWAIT);
    return news.si_pid != 0;
}

int main(int count, char **arguments) {
    long limit = count > 3 ? milliseconds(arguments[1]) : 0, grace = count > 3 ? milliseconds(arguments[2]) : 0;
    if (limit == 0 || grace == 0) {
        fprintf(stderr, "usage: %s LIMIT GRACE COMMAND [ARGUMENT]...\n", arguments[0]);
        return 2;
    }
    sigset_t blocked, open;
    sigemptyset(&blocked);
    sigfillset(&open);
    for (size_t at = 0; at < sizeof awaited / sizeof *awaited; at++) {
        struct sigaction action = {.sa_handler = note};
        sigfillset(&action.sa_mask);
        sigaction(awaited[at], &action, NULL);
        sigaddset(&blocked, awaited[at]);
        sigdelset(&open, awaited[at]);
    }
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) become(arguments + 3);
    setpgid(child, child);
    set_alarm(limit);
    int is_late = 0;
    while (!has_ended(child)) {
        for (size_t at = 0; at < 3; at++) {
            if (has_come[awaited[at]]) tell(child, awaited[at]);
            has_come[awaited[at]] = 0;
        }
        if (has_come[SIGALRM]) {
            tell(child, is_late ? SIGKILL : SIGTERM);
            if (!is_late) set_alarm(grace);
            is_late = 1;
            has_come[SIGALRM] = 0;
        }
        sigsuspend(&open);
    }
    kill(-child, SIGKILL);
    int status;
    if (waitpid(child, &status, 0) < 0) return failed("waitpid");
    if (is_late) return 124;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
