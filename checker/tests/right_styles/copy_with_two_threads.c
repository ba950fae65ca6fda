/* day1_1 with a thread that reads and a thread that writes: the call before which the lab stops the program is made by
 * one of several threads, and not the first. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int file;
static char bytes[1 << 16];
static size_t full;
static int ended;
static long copied;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void fail(const char *what) {
    perror(what);
    _exit(1);
}

static void *writes(void *unused) {
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!full && !ended)
            pthread_cond_wait(&changed, &lock);
        size_t length = full;
        pthread_mutex_unlock(&lock);
        if (!length)
            return unused;
        for (size_t done = 0; done < length;) {
            ssize_t count = write(file, bytes + done, length - done);
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                fail("cannot write");
            done += count;
        }
        pthread_mutex_lock(&lock);
        copied += length;
        full = 0;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
}

static void usage(void) {
    fputs("usage: [-a|-x] PATH\n", stderr);
    exit(2);
}

int main(int count, char **words) {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC, option = O_TRUNC;
    signal(SIGPIPE, SIG_IGN);
    if (count == 3) {
        if (!strcmp(words[1], "-a"))
            option = O_APPEND;
        else if (!strcmp(words[1], "-x"))
            option = O_EXCL;
        else
            usage();
    } else if (count != 2) {
        usage();
    }
    if (words[count - 1][0] == '-')
        usage();
    do
        file = open(words[count - 1], flags | option, 0644);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        fail("cannot open");
    pthread_t writer;
    if ((errno = pthread_create(&writer, NULL, writes, NULL)))
        fail("cannot make a thread");
    for (;;) {
        pthread_mutex_lock(&lock);
        while (full)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        ssize_t got = read(0, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail("cannot read");
        pthread_mutex_lock(&lock);
        full = got;
        ended = got == 0;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        if (!got)
            break;
    }
    pthread_join(writer, NULL);
    if (close(file) < 0)
        fail("cannot close");
    char line[32];
    int length = sprintf(line, "%ld bytes\n", copied);
    for (int done = 0; done < length;) {
        ssize_t some = write(1, line + done, length - done);
        if (some < 0 && errno != EINTR)
            fail("cannot print");
        done += some > 0 ? some : 0;
    }
    return 0;
}
