// The programs of tests/trace.rs: the first argument says which.

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listener(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    bind(fd, (struct sockaddr *)&address, length);
    listen(fd, 8);
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("listening 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void echo(int fd) {
    char buffer[512];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        write(fd, buffer, n);
    }
}

static int echo_server(int clients) {
    int server = listener();
    for (int i = 0; i < clients; i++) {
        int client = accept(server, NULL, NULL);
        echo(client);
        close(client);
    }
    return 0;
}

// Makes each call again that was interrupted, and offers the rest of each write if it is asked to.
static int patient_echo(int offers_rest) {
    char buffer[512];
    ssize_t n;
    int server = listener(), client;
    while ((client = accept(server, NULL, NULL)) < 0 && errno == EINTR) {}
    while ((n = read(client, buffer, sizeof buffer)) != 0) {
        for (ssize_t at = 0; at < n;) {
            ssize_t taken = write(client, buffer + at, n - at);
            if (taken > 0) at += offers_rest ? taken : n;
        }
    }
    return 0;
}

// Ends the connection before its client does, and waits for that one's end.
static int ends_first(void) {
    int client = accept(listener(), NULL, NULL);
    char byte;
    shutdown(client, SHUT_WR);
    read(client, &byte, 1);
    close(client);
    return 0;
}

static int fork_server(void) {
    int client = accept(listener(), NULL, NULL);
    if (fork() == 0) {
        echo(client);
        _exit(3);
    }
    close(client);
    int status;
    wait(&status);
    return 0;
}

static void *one_call(void *unused) {
    close(-5);
    return unused;
}

static int threads(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, one_call, NULL);
    pthread_join(thread, NULL);
    return 0;
}

static void leave(int signal) {
    (void)signal;
    _exit(9);
}

// Leaves somebody behind who wants to stay for ever.
static int daemon_and_pause(int catches) {
    if (fork() == 0) {
        if (fork() == 0) {
            setsid();
            signal(SIGINT, SIG_IGN);
            signal(SIGTERM, SIG_IGN);
            write(1, "there\n", 6);
            for (;;) pause();
        }
        _exit(0);
    }
    if (catches) signal(SIGTERM, leave);
    wait(NULL);
    write(1, "ready\n", 6);
    for (;;) pause();
}

static int many_calls(int count, int all_alike) {
    for (int i = 1; i <= count; i++) close(all_alike ? -1 : -i);
    write(1, "done\n", 5);
    return 7;
}

int main(int count, char **words) {
    (void)count;
    const char *way = words[1];
    if (!strcmp(way, "echo")) return echo_server(atoi(words[2]));
    if (!strcmp(way, "patient_echo")) return patient_echo(atoi(words[2]));
    if (!strcmp(way, "ends_first")) return ends_first();
    if (!strcmp(way, "forks")) return fork_server();
    if (!strcmp(way, "threads")) return threads();
    if (!strcmp(way, "stays")) return daemon_and_pause(0);
    if (!strcmp(way, "catches")) return daemon_and_pause(1);
    if (!strcmp(way, "alike")) return many_calls(atoi(words[2]), 1);
    if (!strcmp(way, "different")) return many_calls(atoi(words[2]), 0);
    if (!strcmp(way, "aborts")) abort();
    if (!strcmp(way, "user")) return printf("%d\n", getuid()) < 0;
    return 2;
}
