/* day3_8 with stdio, which does not take up a write again that a signal has interrupted. */
#include "parts.h"

static int printed(const char *format, int number) {
    if (printf(format, number) >= 0 && fflush(stdout) == 0) return 1;
    perror("standard output");
    return 0;
}

int main(int count, char **words) {
    int code = 0, sum = 0, status;
    if (!are_right(count, words)) return 2;
    signal(SIGPIPE, SIG_IGN);
    atexit(bye);
    if (!printed("start", 0)) return 1;
    for (int i = 1; i < count; i++) {
        pid_t child = fork();
        if (child == 0) be_a_child(task_of(words[i]));
        if (child < 0) {
            perror("fork");
            code = 1;
            break;
        }
    }
    for (;;) {
        if (wait(&status) < 0) {
            if (errno == EINTR) continue;
            break;
        }
        if (WIFEXITED(status)) {
            sum += WEXITSTATUS(status);
        } else {
            fprintf(stderr, "a child was killed by signal %d\n", WTERMSIG(status));
            code = 1;
        }
    }
    return printed(" sum %d\n", sum) ? code : 1;
}
