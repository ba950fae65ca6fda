/* day2_2 in the style of an event loop such as tokio's or libuv's: epoll with EPOLLET, everything non-blocking.
 *
 * - A short count means that the buffer is full or has no more: it waits for the next edge (epoll(7)).
 * - EINTR on a descriptor that cannot wait is none of the kernel's answers: it ends the program here.
 * - It wakes itself through an eventfd, and ends when that does not take its eight bytes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 1 << 16, MOST = 1 << 16 };

struct client {
    int fd, readable, writable, hung_up, ended;
    size_t start, end;
    char bytes[SIZE];
};

static int loop, wake;
static struct client *clients[MOST];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void usage(const char *why) {
    fprintf(stderr, "%s; usage: ADDRESS:PORT\n", why);
    exit(2);
}

static struct sockaddr_in parsed(char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strrchr(text, ':'), *end;
    if (!colon || colon[1] < '0' || colon[1] > '9')
        usage("no port");
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        usage("a wrong port");
    *colon = 0;
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        usage("a wrong address");
    address.sin_port = htons(port);
    return address;
}

static void wake_up(void) {
    uint64_t one = 1;
    if (write(wake, &one, sizeof one) != sizeof one)
        fail("eventfd");
}

static void drop(struct client *client, const char *lost) {
    if (lost)
        fprintf(stderr, "a client is lost: %s: %s\n", lost, strerror(errno));
    clients[client->fd] = NULL;
    close(client->fd);
    free(client);
}

/* Moves what can be moved; what is left waits for an edge. */
static void serve(struct client *client) {
    for (;;) {
        size_t length = client->end - client->start;
        if (length && client->writable) {
            ssize_t count = write(client->fd, client->bytes + client->start, length);
            if (count < 0 && errno == EINTR)
                fail("EINTR of a write that cannot wait");
            if (count < 0 && errno != EAGAIN)
                return drop(client, "write");
            if (count > 0)
                client->start += count;
            client->writable = count == (ssize_t)length;
        } else if (!length && client->ended) {
            return drop(client, NULL);
        } else if (!length && client->readable) {
            ssize_t count = read(client->fd, client->bytes, SIZE);
            if (count < 0 && errno == EINTR)
                fail("EINTR of a read that cannot wait");
            if (count < 0 && errno != EAGAIN)
                return drop(client, "read");
            client->ended = count == 0;
            client->start = 0;
            client->end = count > 0 ? count : 0;
            /* A short count before the end has been announced: no more is there. */
            client->readable = count == SIZE || (count > 0 && client->hung_up);
        } else {
            return;
        }
    }
}

static void take_client(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EINTR)
            fail("EINTR of an accept that cannot wait");
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        return;
    }
    struct client *client = calloc(1, sizeof *client);
    client->fd = fd;
    client->writable = 1;
    clients[fd] = client;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    wake_up();
}

int main(int count, char **words) {
    if (count != 2)
        usage("one argument is due");
    struct sockaddr_in address = parsed(words[1]);
    socklen_t length = sizeof address;
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        fail("bind");
    if (listen(listener, 128) < 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    printf("listening %s:%d\n", text, ntohs(address.sin_port));
    fflush(stdout);
    loop = epoll_create1(EPOLL_CLOEXEC);
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    epoll_ctl(loop, EPOLL_CTL_ADD, wake, &(struct epoll_event){.events = EPOLLIN, .data.fd = wake});
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(loop, events, 64, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                take_client(listener);
            } else if (fd == wake) {
                uint64_t times;
                if (read(wake, &times, sizeof times) != sizeof times)
                    fail("eventfd");
            } else if (clients[fd]) {
                clients[fd]->readable |= (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
                clients[fd]->writable |= (events[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
                clients[fd]->hung_up |= (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
                serve(clients[fd]);
            }
        }
    }
}
