/* What the servers of day 2.2 in this folder share: a plain one, which serves one client after the other. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* How many bytes it moves at once. */
#ifndef PIECE
#define PIECE 65536
#endif

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in address_in(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = count == 2 ? strrchr(words[1], ':') : NULL, *end = "";
    unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 65536;
    if (colon)
        *colon = 0;
    if (*end || port > 65535 || inet_pton(AF_INET, words[1], &address.sin_addr) != 1) {
        fprintf(stderr, "usage: ADDRESS:PORT\n");
        exit(2);
    }
    address.sin_port = htons(port);
    return address;
}

static void listen_on(int listener, void *address, socklen_t length) {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listener < 0 || bind(listener, address, length) < 0 || listen(listener, 128) < 0 ||
        getsockname(listener, address, &length) < 0)
        fail("cannot listen");
}

__attribute__((unused)) static int listener_on(struct sockaddr_in *address) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listen_on(listener, address, sizeof *address);
    return listener;
}

/* Returns 0 when the peer, or the pipe, has gone. */
static int write_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t count = write(fd, bytes, length < PIECE ? length : PIECE);
        if (count < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (count < 0 && errno != EINTR)
            return 0;
        else if (count > 0)
            bytes += count, length -= count;
    }
    return 1;
}

static void announce(const struct sockaddr_in *address) {
    char ip[INET_ADDRSTRLEN], line[64];
    inet_ntop(AF_INET, &address->sin_addr, ip, sizeof ip);
    int length = snprintf(line, sizeof line, "listening %s:%d\n", ip, ntohs(address->sin_port));
    if (!write_all(1, line, length))
        fail("cannot print");
}

static void serve(int client) {
    static char bytes[PIECE];
    for (;;) {
        ssize_t count = read(client, bytes, PIECE);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || (count > 0 && !write_all(client, bytes, count)))
            perror("a client is lost");
        else if (count > 0)
            continue;
        close(client);
        return;
    }
}

static void serve_all(int listener) {
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0)
            serve(client);
        else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}
