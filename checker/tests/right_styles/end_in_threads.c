// day4_2_graceful_shutdown. A thread for each client, one that accepts, and a main thread which sleeps in sigwait. To wake
// the thread in accept, it calls shutdown on the listening socket after it has emptied the queue itself.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *path, *pid_file;
static int listener, wake[2], living;
static pthread_t accepter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what) {
    perror(what);
    exit(1);
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

static void *serve(void *argument) {
    int client = (int)(long)argument;
    char bytes[8192];
    for (;;) {
        ssize_t n = read(client, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        ssize_t done = 0;
        while (done < n) {
            ssize_t m = send(client, bytes + done, n - done, MSG_NOSIGNAL);
            if (m < 0 && errno == EINTR) continue;
            if (m < 0) goto out;
            done += m;
        }
    }
out:
    pthread_mutex_lock(&lock);
    living--;
    int is_last = living == 0;
    pthread_mutex_unlock(&lock);
    close(client);
    // The main thread looks at the count each time.
    if (is_last) kill(getpid(), SIGUSR1);
    return NULL;
}

static void *take_clients(void *unused) {
    (void)unused;
    for (;;) {
        struct pollfd both[2] = {{.fd = listener, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
        if (poll(both, 2, -1) < 0 && errno == EINTR) continue;
        for (;;) {
            int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (client < 0) break;
            pthread_mutex_lock(&lock);
            living++;
            pthread_mutex_unlock(&lock);
            pthread_t thread;
            pthread_create(&thread, NULL, serve, (void *)(long)client);
            pthread_detach(thread);
        }
        if (both[1].revents) {
            close(listener);
            return NULL;
        }
    }
}

static void listen_on_path(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (lstat(path, &found) == 0) {
        int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int is_dead = connect(probe, (struct sockaddr *)&address, sizeof address) < 0 && errno == ECONNREFUSED;
        close(probe);
        if (S_ISSOCK(found.st_mode) && is_dead) unlink(path);
    }
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail(path);
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
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (path) {
        listen_on_path();
    } else {
        int yes = 1;
        listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    }
    if (listen(listener, 128) < 0 || pipe2(wake, O_CLOEXEC) < 0) fail("listen");
    if (pid_file) {
        FILE *file = fopen(pid_file, "we");
        if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file)) fail(pid_file);
    }
    if (path) {
        dprintf(1, "listening unix:%s\n", path);
    } else {
        socklen_t length = sizeof address;
        getsockname(listener, (struct sockaddr *)&address, &length);
        dprintf(1, "listening %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    }
    pthread_create(&accepter, NULL, take_clients, NULL);
    int requests = 0, begun_with = 0;
    for (;;) {
        int signal;
        sigwait(&set, &signal);
        if (signal != SIGUSR1) requests++;
        if (requests == 2) {
            dprintf(2, "a second signal\n");
            _exit(1);
        }
        if (requests == 1 && signal != SIGUSR1) {
            if (path) unlink(path);
            if (pid_file) unlink(pid_file);
            (void)!write(wake[1], "x", 1);
            pthread_join(accepter, NULL);
            pthread_mutex_lock(&lock);
            begun_with = living;
            pthread_mutex_unlock(&lock);
        }
        pthread_mutex_lock(&lock);
        int left = living;
        pthread_mutex_unlock(&lock);
        if (requests == 1 && left == 0) break;
    }
    dprintf(1, "drained %d\n", begun_with);
    return 0;
usage:
    fprintf(stderr, "usage: [-p PIDFILE] ADDRESS:PORT|unix:PATH\n");
    return 2;
}
