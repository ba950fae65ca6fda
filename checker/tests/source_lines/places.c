/* Calls from places of all kinds. What each writes is the end of its line. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what) {
    write(1, what, strlen(what)); // say
}

static __attribute__((noinline)) void deep(int depth) {
    volatile char room[5000];
    memset((char *)room, depth, sizeof room);
    if (depth > 0)
        deep(depth - 1);
    else
        write(1, "deep", 4); // deep
    room[0] = 1;
}

static int compare(const void *a, const void *b) {
    write(1, "compare", 7); // compare
    return *(const int *)a - *(const int *)b;
}

static void *thread(void *unused) {
    write(1, "thread", 6); // thread
    return unused;
}

static volatile int seen;

static void handle(int signal) {
    write(1, "handler", 7); // handler
    seen = signal;
}

int main(int argc, char **argv) {
    int numbers[2] = {2, 1};
    pthread_t other;
    if (argc > 1)
        return write(1, "again", 5) != 5; // again
    write(1, "main", 4); // main
    say("say");
    deep(3);
    qsort(numbers, 2, sizeof numbers[0], compare);
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
    puts("puts"); fflush(stdout); // puts
    if (fork() == 0) {
        write(1, "child", 5); // child
        execl("/bin/echo", "echo", "other", NULL);
        _exit(1);
    }
    wait(NULL);
    execl(argv[0], argv[0], "again", NULL);
    return 1;
}
