/* day1_1 as a runtime does it: before it comes to the input, a helper polls already, and a file of /proc is opened, read and
 * closed, whatever close says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    _exit(1);
}

static void write_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0 && errno != EINTR)
            fail("cannot write");
        if (count > 0)
            bytes += count, length -= count;
    }
}

static void *poll_for_ever(void *unused) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0)
        for (;;)
            poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, -1);
    return unused;
}

static void look_around(void) {
    char text[256];
    pthread_t helper;
    pthread_create(&helper, NULL, poll_for_ever, NULL);
    int around = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    if (read(around, text, sizeof text) >= 0)
        close(around);
}

int main(int count, char **words) {
    static char bytes[1 << 16];
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC, option = O_TRUNC;
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && !strcmp(words[1], "-a"))
        option = O_APPEND;
    else if (count == 3 && !strcmp(words[1], "-x"))
        option = O_EXCL;
    else if (count != 2 || words[1][0] == '-')
        return fputs("usage: [-a|-x] PATH\n", stderr), 2;
    if (words[count - 1][0] == '-')
        return fputs("usage: [-a|-x] PATH\n", stderr), 2;
    look_around();
    int file;
    do
        file = open(words[count - 1], flags | option, 0644);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        fail("cannot open");
    long copied = 0;
    for (;;) {
        ssize_t got = read(0, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail("cannot read");
        if (!got)
            break;
        write_all(file, bytes, got);
        copied += got;
    }
    if (close(file) < 0)
        fail("cannot close");
    char line[32];
    write_all(1, line, sprintf(line, "%ld bytes\n", copied));
    return 0;
}
