/* day3_8 with a write for each byte, and one child after the other. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PANIC = -1, WRONG = -2 };

static int task_of(const char *word) {
    if (strcmp(word, "panic") == 0) return PANIC;
    size_t length = strlen(word);
    if (length == 0 || length > 5 || strspn(word, "0123456789") != length) return WRONG;
    int number = atoi(word);
    return number > 65535 ? WRONG : number;
}

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

static void bye(void) {
    if (!printed("bye\n", 0)) _exit(1);
}

static void be_a_child(int task) {
    if (task == PANIC) {
        fprintf(stderr, "the argument asks for it\n");
        _exit(101);
    }
    _exit(printed(" %d", task) ? task : 1);
}

int main(int count, char **words) {
    int code = 0, sum = 0, status;
    for (int i = 1; i < count; i++) {
        if (task_of(words[i]) == WRONG) {
            fprintf(stderr, "usage: %s [NUMBER|panic]...\n", words[0]);
            return 2;
        }
    }
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
