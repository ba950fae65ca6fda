/* day1_2 which polls for each byte of a header and then reads it alone. A helper polls again and again meanwhile, and has
 * nothing to do with standard input. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *why) {
    fprintf(stderr, "%s: %s\n", why, strerror(errno));
    exit(1);
}

static void print(const char *line) {
    size_t length = strlen(line);
    while (length) {
        ssize_t count = write(1, line, length);
        if (count < 0 && errno != EINTR)
            fail("cannot print");
        if (count > 0)
            line += count, length -= count;
    }
}

static void *poll_for_ever(void *unused) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0)
        for (;;)
            poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 20);
    return unused;
}

/* The next bytes of the input, so many at most; 0 at its end. */
static size_t next(unsigned char *bytes, size_t most) {
    for (;;) {
        struct pollfd input = {.fd = 0, .events = POLLIN};
        if (poll(&input, 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("cannot poll");
        }
        ssize_t count = read(0, bytes, most);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail("cannot read");
        return count;
    }
}

static uint64_t field(int bytes, int *is_first) {
    uint64_t value = 0;
    while (bytes--) {
        unsigned char byte;
        int has_come = next(&byte, 1) > 0;
        if (!has_come && *is_first)
            exit(0);
        if (!has_come)
            fail("the record is cut");
        *is_first = 0;
        value = value << 8 | byte;
    }
    return value;
}

static void read_records(void) {
    for (;;) {
        char line[64];
        int is_first = 1;
        uint64_t type = field(2, &is_first), flags = field(2, &is_first);
        uint64_t length = field(4, &is_first), time = field(8, &is_first);
        for (uint64_t rest = length; rest;) {
            unsigned char body[4096];
            size_t count = next(body, rest < sizeof body ? rest : sizeof body);
            if (!count)
                fail("the record is cut");
            rest -= count;
        }
        snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", type, flags, length, time);
        print(line);
    }
}

static void convert(int encodes, int bits, const char *text) {
    char line[64], *end;
    size_t digits = strspn(text, encodes ? "0123456789" : "0123456789abcdefABCDEF");
    errno = 0;
    uint64_t value = strtoull(text, &end, encodes ? 10 : 16);
    errno = errno ? errno : EINVAL;
    if (!digits || *end || text[digits] || (!encodes && digits != (size_t)bits / 4) || errno == ERANGE ||
        (bits < 64 && value >> bits))
        fail(text);
    snprintf(line, sizeof line, encodes ? "%0*" PRIx64 "\n" : "%.*" PRIu64 "\n", encodes ? bits / 4 : 1, value);
    print(line);
}

int main(int count, char **words) {
    pthread_t helper;
    pthread_create(&helper, NULL, poll_for_ever, NULL);
    const char *what = count > 1 ? words[1] : "";
    int bits = strlen(what) == 5 ? atoi(what + 3) : 0;
    int encodes = !strncmp(what, "enc", 3);
    if (count == 2 && !strcmp(what, "host")) {
        uint16_t one = 1;
        print(*(char *)&one ? "little\n" : "big\n");
    } else if (count == 2 && !strcmp(what, "rec")) {
        read_records();
    } else if (count > 2 && (encodes || !strncmp(what, "dec", 3)) && (bits == 16 || bits == 32 || bits == 64)) {
        for (int i = 2; i < count; i++)
            convert(encodes, bits, words[i]);
    } else {
        fprintf(stderr, "usage: enc16|… NUMBER..., dec16|… HEX..., host, rec\n");
        return 2;
    }
    return 0;
}
