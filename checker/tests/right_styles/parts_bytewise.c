/* day3_8 with a write for each byte, and one child after the other. */
#include "parts.h"

static int printed(const char *format, int number) {
    char text[32];
    snprintf(text, sizeof text, format, number);
    for (char *next = text; *next;) {
        if (write(STDOUT_FILENO, next, 1) == 1) {
            next++;
        } else if (errno != EINTR) {
            perror("standard output");
            return 0;
        }
    }
    return 1;
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
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        if (WIFEXITED(status)) {
            sum += WEXITSTATUS(status);
        } else {
            fprintf(stderr, "a child was killed by signal %d\n", WTERMSIG(status));
            code = 1;
        }
    }
    return printed(" sum %d\n", sum) ? code : 1;
}
