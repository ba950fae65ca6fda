// day4_2_graceful_shutdown. One process: epoll over a signalfd, the listening socket and non-blocking connections, each
// with a buffer of its own. It never gets EINTR, and has no handler at all.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOM = 65536 };

struct client {
    int fd;
    int ended;
    size_t start, length;
    char bytes[ROOM];
};

static const char *path, *pid_file;
static int epoll_fd, listener = -1;
static int living, requests, begun_with;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int fd, unsigned events, void *data) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static int parse(const char *text, struct sockaddr_in *address) {
    char ip[16];
    const char *colon = strchr(text, ':');
    if (!colon || colon - text > 15) return 0;
    memcpy(ip, text, colon - text);
    ip[colon - text] = 0;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    if (inet_pton(AF_INET, ip, &address->sin_addr) != 1) return 0;
    const char *digits = colon + 1;
    if (!*digits || strlen(digits) > 5 || strspn(digits, "0123456789") != strlen(digits)) return 0;
    long port = atol(digits);
    address->sin_port = htons(port);
    return port < 65536;
}

static void listen_on_path(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0) return;
    if (errno != EADDRINUSE) fail(path);
    struct stat found;
    if (lstat(path, &found) < 0 || !S_ISSOCK(found.st_mode)) fail(path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(probe, (struct sockaddr *)&address, sizeof address) == 0 || errno != ECONNREFUSED) {
        errno = EADDRINUSE;
        fail(path);
    }
    close(probe);
    unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail(path);
}

static void take_clients(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        client->fd = fd;
        living++;
        watch(fd, EPOLLIN, client);
    }
}

static void drop(struct client *client) {
    close(client->fd);
    free(client);
    living--;
}

static void serve(struct client *client) {
    for (;;) {
        while (client->length) {
            ssize_t n = send(client->fd, client->bytes + client->start, client->length, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) {
                struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
                epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
                return;
            }
            if (n < 0) return drop(client);
            client->start += n;
            client->length -= n;
        }
        if (client->ended) return drop(client);
        ssize_t n = recv(client->fd, client->bytes, ROOM, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return drop(client);
        if (n == 0) return drop(client);
        client->start = 0;
        client->length = n;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

static void obey(int signals) {
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) requests++;
    if (requests > 1) {
        fprintf(stderr, "a second signal\n");
        exit(1);
    }
    if (listener < 0) return;
    take_clients();
    if (path) unlink(path);
    if (pid_file) unlink(pid_file);
    take_clients();
    close(listener);
    listener = -1;
    begun_with = living;
}

int main(int argc, char **argv) {
    int at = 1;
    if (argc == 4 && !strcmp(argv[1], "-p")) pid_file = argv[2], at = 3;
    struct sockaddr_in address;
    if (argc != at + 1) goto usage;
    if (!strncmp(argv[at], "unix:", 5)) {
        path = argv[at] + 5;
        if (!*path || strlen(path) > 107) goto usage;
    } else if (!parse(argv[at], &address)) {
        goto usage;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (path) {
        listen_on_path();
    } else {
        int yes = 1;
        listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    }
    if (listen(listener, 128) < 0) fail("listen");
    if (pid_file) {
        FILE *file = fopen(pid_file, "we");
        if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file)) fail(pid_file);
    }
    if (path) {
        printf("listening unix:%s\n", path);
    } else {
        socklen_t length = sizeof address;
        getsockname(listener, (struct sockaddr *)&address, &length);
        printf("listening %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    }
    fflush(stdout);
    watch(signals, EPOLLIN, &signals);
    watch(listener, EPOLLIN, &listener);
    while (listener >= 0 || living > 0) {
        struct epoll_event event;
        int n = epoll_wait(epoll_fd, &event, 1, -1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("epoll_wait");
        if (event.data.ptr == &signals)
            obey(signals);
        else if (event.data.ptr == &listener)
            take_clients();
        else
            serve(event.data.ptr);
    }
    printf("drained %d\n", begun_with);
    return fflush(stdout) ? 1 : 0;
usage:
    fprintf(stderr, "usage: [-p PIDFILE] ADDRESS:PORT|unix:PATH\n");
    return 2;
}
