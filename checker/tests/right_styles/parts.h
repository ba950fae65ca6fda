/* What the programs of day3_8 share. Each has a way of its own to print, and to collect its children. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Prints, with this number if the format has a place for it; says why if it cannot. */
static int printed(const char *format, int number);

enum { PANIC = -1, WRONG = -2 };

static int task_of(const char *word) {
    if (strcmp(word, "panic") == 0) return PANIC;
    size_t length = strlen(word);
    if (length == 0 || length > 5 || strspn(word, "0123456789") != length) return WRONG;
    int number = atoi(word);
    return number > 65535 ? WRONG : number;
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

static int are_right(int count, char **words) {
    for (int i = 1; i < count; i++) {
        if (task_of(words[i]) == WRONG) {
            fprintf(stderr, "usage: %s [NUMBER|panic]...\n", words[0]);
            return 0;
        }
    }
    return 1;
}
