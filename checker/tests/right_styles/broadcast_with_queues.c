/* day4_4 with one poll for its input, for what clients end or break, and for room: each client has a queue of its own, of
 * 256 KiB at most. A reset is told as soon as it comes, and not with the next input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE = 256 * 1024, BLOCK = 16 * 1024 };

struct client {
    int fd, half_closed;
    size_t length;
    char queue[QUEUE];
};

static struct client *clients[100];
static int count, left;

static int usage(void) {
    fprintf(stderr, "usage: ADDRESS:PORT N\n");
    exit(2);
}

static void fail(const char *call) {
    perror(call);
    exit(1);
}

static void say(const char *line) {
    size_t length = strlen(line);
    while (length > 0) {
        ssize_t n = write(1, line, length);
        if (n < 0 && errno != EINTR)
            fail("write");
        if (n > 0)
            line += n, length -= n;
    }
}

static void lose(int i, int error) {
    char line[80];
    snprintf(line, sizeof line, "lost %d: %s\n", i + 1, strerrorname_np(error));
    close(clients[i]->fd);
    free(clients[i]);
    clients[i] = NULL;
    left--;
    say(line);
    if (left == 0) {
        fprintf(stderr, "no client is left\n");
        exit(1);
    }
}

static void flush(int i) {
    struct client *c = clients[i];
    size_t done = 0;
    while (done < c->length) {
        ssize_t n = write(c->fd, c->queue + done, c->length - done);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && errno != EINTR) {
            lose(i, errno);
            return;
        }
        if (n > 0)
            done += n;
    }
    memmove(c->queue, c->queue + done, c->length - done);
    c->length -= done;
}

static struct sockaddr_in parse(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char ip[32];
    const char *colon = strchr(text, ':');
    if (!colon || colon - text >= 32)
        usage();
    memcpy(ip, text, colon - text);
    ip[colon - text] = 0;
    const char *port = colon + 1;
    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1 || !*port || strlen(port) > 5 ||
        strspn(port, "0123456789") != strlen(port) || atoi(port) > 65535)
        usage();
    address.sin_port = htons(atoi(port));
    return address;
}

int main(int argc, char **argv) {
    if (argc != 3 || !*argv[2] || strlen(argv[2]) > 3 || strspn(argv[2], "0123456789") != strlen(argv[2]))
        usage();
    int wanted = atoi(argv[2]);
    struct sockaddr_in address = parse(argv[1]);
    if (wanted < 1 || wanted > 100)
        usage();
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&address, sizeof address) < 0)
        fail("bind");
    if (listen(listener, 100) < 0)
        fail("listen");
    socklen_t size = sizeof address;
    getsockname(listener, (void *)&address, &size);
    char line[120];
    snprintf(line, sizeof line, "listening %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    say(line);
    while (count < wanted) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            fail("accept");
        clients[count] = calloc(1, sizeof **clients);
        clients[count++]->fd = fd;
    }
    left = count;
    close(listener);
    long long sent = 0;
    int ended = 0;
    for (;;) {
        struct pollfd files[101] = {{.fd = ended ? -1 : 0, .events = POLLIN}};
        int busy = 0;
        for (int i = 0; i < count; i++) {
            struct client *c = clients[i];
            files[i + 1].fd = c ? c->fd : -1;
            if (!c)
                continue;
            files[i + 1].events = (c->half_closed ? 0 : POLLIN) | (c->length ? POLLOUT : 0);
            busy += c->length > 0;
        }
        if (ended && !busy)
            break;
        if (poll(files, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("poll");
        }
        for (int i = 0; i < count; i++) {
            short events = files[i + 1].revents;
            if (!clients[i] || !events)
                continue;
            if (events & POLLERR) {
                int error = 0;
                size = sizeof error;
                getsockopt(clients[i]->fd, SOL_SOCKET, SO_ERROR, &error, &size);
                lose(i, error);
                continue;
            }
            if (events & POLLIN) {
                char waste[4096];
                ssize_t n = read(clients[i]->fd, waste, sizeof waste);
                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                    lose(i, errno);
                    continue;
                }
                clients[i]->half_closed |= n == 0;
            }
            if (events & POLLOUT)
                flush(i);
        }
        if (files[0].revents) {
            char block[BLOCK];
            ssize_t n = read(0, block, sizeof block);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                fail("read");
            ended = n == 0;
            sent += n;
            for (int i = 0; i < count && n > 0; i++) {
                struct client *c = clients[i];
                if (!c)
                    continue;
                if (c->length + n > QUEUE) {
                    lose(i, EAGAIN);
                    continue;
                }
                memcpy(c->queue + c->length, block, n);
                c->length += n;
                flush(i);
            }
        }
    }
    for (int i = 0; i < count; i++)
        if (clients[i])
            close(clients[i]->fd);
    snprintf(line, sizeof line, "sent %lld bytes to %d clients\n", sent, left);
    say(line);
    return 0;
}
