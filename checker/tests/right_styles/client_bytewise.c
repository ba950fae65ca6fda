/* day2_3 which reads its input and prints its output byte by byte: a megabyte is two million calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int address_in(const char *text, struct sockaddr_in *address) {
    char ip[INET_ADDRSTRLEN] = "";
    const char *colon = strchr(text, ':');
    if (!colon || colon - text >= (long)sizeof ip) return 0;
    memcpy(ip, text, colon - text);
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != 0 || atoi(colon + 1) > 65535) return 0;
    address->sin_family = AF_INET;
    address->sin_port = htons(atoi(colon + 1));
    return inet_pton(AF_INET, ip, &address->sin_addr) == 1;
}

/* One byte; 0 at the end. */
static int take(int from, unsigned char *byte) {
    for (;;) {
        ssize_t count = read(from, byte, 1);
        if (count >= 0) return count;
        if (errno != EINTR) fail("read");
    }
}

static void give_all(int to, const unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t taken = write(to, bytes, count);
        if (taken < 0 && errno != EINTR) fail("write");
        if (taken > 0) {
            bytes += taken;
            count -= taken;
        }
    }
}

/* Compares each byte that comes back, and prints it. */
static void expect_back(int server, const unsigned char *line, size_t count) {
    unsigned char byte;
    for (size_t i = 0; i < count; i++) {
        if (take(server, &byte) == 0) {
            fprintf(stderr, "the server ends too early\n");
            exit(1);
        }
        give_all(STDOUT_FILENO, &byte, 1);
        if (byte != line[i]) {
            fprintf(stderr, "byte %zu comes back changed\n", i + 1);
            exit(1);
        }
    }
}

int main(int count, char **words) {
    struct sockaddr_in address = {0};
    if (count != 2 || !address_in(words[1], &address)) {
        fprintf(stderr, "usage: %s ADDRESS:PORT\n", words[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0) fail("socket");
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    unsigned char *line = NULL, byte;
    size_t length = 0, room = 0;
    int more;
    do {
        more = take(STDIN_FILENO, &byte);
        if (more) {
            if (length == room && !(line = realloc(line, room = 2 * room + 4096))) fail("realloc");
            line[length++] = byte;
        }
        if (length > 0 && (!more || byte == '\n')) {
            give_all(server, line, length);
            expect_back(server, line, length);
            length = 0;
        }
    } while (more);
    free(line);
    if (shutdown(server, SHUT_WR) < 0) fail("shutdown");
    if (take(server, &byte)) {
        fprintf(stderr, "the server sends more than it was given\n");
        return 1;
    }
    return 0;
}
