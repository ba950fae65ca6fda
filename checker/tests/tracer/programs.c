/* Small programs for tests of the tracer; the first argument says which. What they print is the same traced and
 * untraced, unless a fault is injected. Those that wait for a line do so that a fault can be injected before. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static const char *self;

static void say(const char *what, long result) {
    int error = errno;
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(error));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static void await_line(void) {
    char c;
    while (read(0, &c, 1) == 1 && c != '\n')
        ;
}

static void nap(int milliseconds) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&limit, &limit) < 0)
        ;
}

static int listener(struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    socklen_t length = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bind(fd, (struct sockaddr *)address, sizeof *address);
    listen(fd, 5);
    getsockname(fd, (struct sockaddr *)address, &length);
    return fd;
}

static void echo(void) {
    char buffer[4096];
    ssize_t n;
    while ((n = read(0, buffer, sizeof buffer)) > 0)
        write(1, buffer, n);
}

static void sockets(void) {
    struct sockaddr_in address;
    int server = listener(&address);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    say("connect", connect(client, (struct sockaddr *)&address, sizeof address));
    int accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    struct pollfd watched = {accepted, POLLIN, 0};
    char buffer[100];
    write(client, "hello\n", 6);
    poll(&watched, 1, -1);
    read(accepted, buffer, sizeof buffer);
    shutdown(client, SHUT_WR);
    recv(accepted, buffer, sizeof buffer, 0);
    close(server);
    int refused = socket(AF_INET, SOCK_STREAM, 0);
    say("refused", connect(refused, (struct sockaddr *)&address, sizeof address));
}

static void children(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(3);
    waitpid(pid, &status, 0);
    say("fork", WEXITSTATUS(status));
    pid = vfork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 4", NULL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    say("vfork", WEXITSTATUS(status));
    char *words[] = {"sh", "-c", "echo spawned; exit 5", NULL};
    int spawned = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ);
    /* It prints, too: said later, so that the order is always the same. */
    waitpid(pid, &status, 0);
    say("spawn", spawned);
    say("status", WEXITSTATUS(status));
}

static void *writes_one(void *end) {
    write(*(int *)end, "t", 1);
    return NULL;
}

static void threads(void) {
    int ends[2];
    pthread_t all[4];
    char buffer[4];
    pipe(ends);
    for (int i = 0; i < 4; i++)
        pthread_create(&all[i], NULL, writes_one, &ends[1]);
    for (int i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
    say("read", read(ends[0], buffer, 4));
}

static void *execs(void *unused) {
    (void)unused;
    execl(self, self, "greets", NULL);
    return NULL;
}

static void exec_in_a_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, execs, NULL);
    pause();
}

/* A daemon as in the books: two forks and a session of its own. It waits for ever. */
static void daemonizes(void) {
    if (fork() > 0)
        _exit(0);
    setsid();
    if (fork() > 0)
        _exit(0);
    printf("%d\n", getpid());
    fflush(stdout);
    fclose(stdout);
    for (;;)
        pause();
}

static void stops(void) {
    raise(SIGSTOP);
    say("goes on", 1);
}

static void nothing(int signal) { (void)signal; }

static void handle(int signal, int flags) {
    struct sigaction action = {.sa_handler = nothing, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

/* A child which ends, or sends a signal, while the parent sleeps. */
static void child_that(int signal) {
    pid_t parent = getpid();
    if (fork() == 0) {
        nap(60);
        if (signal)
            kill(parent, signal);
        if (signal == SIGSTOP) {
            nap(60);
            kill(parent, SIGCONT);
        }
        _exit(0);
    }
}

static void sleeps_in_all(const char *when, int signal) {
    int ends[2], epoll = epoll_create1(0);
    char byte, text[64];
    struct epoll_event event;
    struct pollfd watched;
    struct timeval limit = {0, 200000};
    struct timespec short_time = {0, 200000000};
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    watched = (struct pollfd){ends[0], POLLIN, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
#define TELL(call, expression) \
    snprintf(text, sizeof text, "%s, " call, when); \
    child_that(signal); \
    say(text, expression); \
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) \
        ;
    TELL("epoll_wait", epoll_wait(epoll, &event, 1, 200));
    TELL("recv", recv(ends[0], &byte, 1, 0));
    TELL("poll", poll(&watched, 1, 200));
    TELL("nanosleep", nanosleep(&short_time, NULL));
    struct timeval none = {0, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    if (fork() == 0) {
        nap(200);
        write(ends[1], "x", 1);
        _exit(0);
    }
    TELL("read", read(ends[0], &byte, 1));
}

static void interrupted(void) {
    sleeps_in_all("child ends", 0);
    signal(SIGUSR1, SIG_IGN);
    sleeps_in_all("ignored", SIGUSR1);
    sleeps_in_all("no effect", SIGURG);
    sleeps_in_all("stopped", SIGSTOP);
    handle(SIGUSR1, SA_RESTART);
    sleeps_in_all("restarts", SIGUSR1);
    handle(SIGUSR1, 0);
    sleeps_in_all("handled", SIGUSR1);
    handle(SIGCHLD, 0);
    sleeps_in_all("child handled", 0);
}

/* SIGSTOP goes to the main thread, and SIGCONT, which that blocks, to the other. */
static void *sleeps_in_epoll(void *unused) {
    struct epoll_event event;
    (void)unused;
    say("epoll_wait in a thread", epoll_wait(epoll_create1(0), &event, 1, 400));
    return NULL;
}

static void stopped_with_a_thread(void) {
    sigset_t cont;
    pthread_t thread;
    sigemptyset(&cont);
    sigaddset(&cont, SIGCONT);
    pthread_create(&thread, NULL, sleeps_in_epoll, NULL);
    sigprocmask(SIG_BLOCK, &cont, NULL);
    child_that(SIGSTOP);
    pthread_join(thread, NULL);
    wait(NULL);
}

/* Children that end all the time must not lengthen a sleep that has a limit. */
static void sleeps_among_children(void) {
    struct timespec before, after;
    struct epoll_event event;
    int epoll = epoll_create1(0);
    if (fork() == 0) {
        for (int i = 0; i < 40; i++) {
            nap(50);
            kill(getppid(), SIGURG);
        }
        _exit(0);
    }
    clock_gettime(CLOCK_MONOTONIC, &before);
    long result = epoll_wait(epoll, &event, 1, 200);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    say("epoll_wait", result);
    say("in time", ms >= 190 && ms < 1500);
    wait(NULL);
}

/* Moves 1000 bytes through a stream by every way of writing and reading, and compares. */
static ssize_t move_out(int way, int fd, char *from, size_t length) {
    size_t half = length / 2;
    struct iovec parts[3] = {{NULL, 0}, {from, half}, {from + half, length - half}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    switch (way) {
    case 0: return write(fd, from, length);
    case 1: return send(fd, from, length, MSG_NOSIGNAL);
    case 2: return writev(fd, parts, 3);
    default: return sendmsg(fd, &message, MSG_NOSIGNAL);
    }
}

static ssize_t move_in(int way, int fd, char *to, size_t length) {
    size_t half = length / 2;
    struct iovec parts[3] = {{NULL, 0}, {to, half}, {to + half, length - half}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    switch (way) {
    case 0: return read(fd, to, length);
    case 1: return recv(fd, to, length, 0);
    case 2: return readv(fd, parts, 3);
    default: return recvmsg(fd, &message, 0);
    }
}

static void moves(void) {
    char out[1000], in[1000];
    int ends[2];
    await_line();
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    for (int way = 0; way < 4; way++) {
        long calls = 0;
        for (int i = 0; i < 1000; i++)
            out[i] = (char)(i * 7 + way);
        memset(in, 0, sizeof in);
        for (size_t done = 0; done < sizeof out; calls++)
            done += move_out(way, ends[1], out + done, sizeof out - done);
        for (size_t done = 0; done < sizeof in; calls++)
            done += move_in(way, ends[0], in + done, sizeof in - done);
        say("same", memcmp(in, out, sizeof in) == 0);
        say("calls", calls);
    }
}

/* A message in one piece, and one with a descriptor in it. */
static void keeps_messages(void) {
    char bytes[100] = "message", control[CMSG_SPACE(sizeof(int))] = {0};
    int ends[2], stream[2];
    await_line();
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    say("sent", send(ends[1], bytes, sizeof bytes, 0));
    say("got", recv(ends[0], bytes, sizeof bytes, 0));
    say("sent in parts", move_out(3, ends[1], bytes, sizeof bytes));
    say("got in parts", move_in(3, ends[0], bytes, sizeof bytes));
    say("sent in buffers", move_out(2, ends[1], bytes, sizeof bytes));
    say("got in buffers", move_in(2, ends[0], bytes, sizeof bytes));
    socketpair(AF_UNIX, SOCK_STREAM, 0, stream);
    struct iovec part = {bytes, 10};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[0], sizeof(int));
    say("passed", sendmsg(stream[1], &message, 0));
    memset(control, 0, sizeof control);
    say("received", recvmsg(stream[0], &message, 0));
    say("descriptor", CMSG_FIRSTHDR(&message) != NULL);
}

#ifdef __x86_64__
/* A call by hand; afterwards all registers of its arguments hold what they held before. */
static long raw(long number, long a, long b, long c, long d, long e, long f, int *intact) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result, rdi = a, rsi = b, rdx = c;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
                     : "0"(number)
                     : "rcx", "r11", "memory");
    *intact = rdi == a && rsi == b && rdx == c && r10 == d && r8 == e && r9 == f;
    /* Later, for errno is behind a function, which changes registers. */
    errno = (int)-result;
    return result;
}

static void registers(void) {
    char bytes[100] = {0};
    int ends[2], intact;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    await_line();
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
#define CHECK(name, ...) \
    say(name, raw(__VA_ARGS__, &intact)); \
    say("intact", intact)
    CHECK("write", SYS_write, ends[1], (long)bytes, 100, 11, 12, 13);
    CHECK("writev", SYS_writev, ends[1], (long)&part, 1, 11, 12, 13);
    CHECK("sendmsg", SYS_sendmsg, ends[1], (long)&message, 0, 11, 12, 13);
    CHECK("read", SYS_read, ends[0], (long)bytes, 100, 11, 12, 13);
    CHECK("readv", SYS_readv, ends[0], (long)&part, 1, 11, 12, 13);
    CHECK("recvmsg", SYS_recvmsg, ends[0], (long)&message, 0, 11, 12, 13);
    CHECK("shutdown", SYS_shutdown, ends[0], 2, 10, 11, 12, 13);
}

static void calls_for_32_bits(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(20L) : "memory", "r8", "r9", "r10", "r11");
    errno = (int)-result;
    say("getpid", result < 0 ? -1 : result);
    errno = 0;
    say("x32", syscall(0x40000000 + SYS_getpid));
    say("goes on", 1);
}
#endif

static void fails(void) {
    struct sockaddr_in address;
    int ends[2], server = listener(&address);
    char byte;
    await_line();
    for (int i = 0; i < 4; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        connect(client, (struct sockaddr *)&address, sizeof address);
        int accepted;
        do {
            accepted = accept(server, NULL, NULL);
            say("accept", accepted < 0 ? -1 : 1);
        } while (accepted < 0);
        close(accepted);
        close(client);
    }
    pipe(ends);
    write(ends[1], "abc", 3);
    for (int i = 0; i < 3; i++)
        say("read", read(ends[0], &byte, 1) < 0 ? -1 : byte);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        say("fork", pid < 0 ? -1 : 1);
    }
    while (wait(NULL) > 0)
        ;
    pthread_t thread;
    errno = pthread_create(&thread, NULL, writes_one, &ends[1]);
    say("pthread_create", errno ? -1 : 0);
    say("spawn", posix_spawn(&(pid_t){0}, "/bin/true", NULL, NULL, (char *[]){"true", NULL}, environ));
}

/* Calls that cannot wait, and behind them the same calls that can. */
static void cannot_wait(void) {
    int ends[2], pair[2], event = eventfd(0, EFD_NONBLOCK);
    uint64_t one = 1;
    char bytes[6];
    pipe2(ends, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    await_line();
    say("pipe takes", write(ends[1], "abcdef", 6));
    say("pipe gives", read(ends[0], bytes, 6));
    say("event takes", write(event, &one, 8));
    say("event gives", read(event, &one, 8));
    close(event);
    event = eventfd(1, 0);
    say("event may wait", read(event, &one, 8));
    send(pair[1], "abcdef", 6, MSG_DONTWAIT);
    say("socket gives", recv(pair[0], bytes, 6, MSG_DONTWAIT));
    send(pair[1], "abcdef", 6, MSG_DONTWAIT);
    say("socket may wait", recv(pair[0], bytes, 6, 0));
}

/* Calls that return at once, and poll, which a signal interrupts all the same. */
static void returns_at_once(void) {
    struct epoll_event events[1];
    int ready = epoll_create1(0), pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    await_line();
    say("waitpid", waitpid(child, NULL, WNOHANG));
    say("waitid", waitid(P_PID, child, &(siginfo_t){0}, WEXITED | WNOHANG));
    say("epoll_wait", epoll_wait(ready, events, 1, 0));
    say("epoll_wait 1", epoll_wait(ready, events, 1, 1));
    say("poll", poll(NULL, 0, 0));
    struct pollfd room = {pair[0], POLLOUT, 0}, data = {pair[0], POLLIN, 0};
    say("poll for room", poll(&room, 1, 1000));
    say("poll for data", poll(&data, 1, 1000));
    while (send(pair[0], events, 1, MSG_DONTWAIT) > 0)
        ;
    say("poll where no room is", poll(&room, 1, 1000));
    kill(child, SIGKILL);
    say("waitpid may wait", waitpid(child, NULL, 0));
}

/* A read of one byte, and one of more. */
static void reads_one_and_more(void) {
    int ends[2];
    char bytes[6];
    pipe(ends);
    write(ends[1], "abcdefg", 7);
    await_line();
    say("read 1", read(ends[0], bytes, 1));
    say("read 6", read(ends[0], bytes, 6));
    say("read 3", read(ends[0], bytes, 3));
}

static void *sleeps_in_read(void *end) {
    char byte;
    while (read(*(int *)end, &byte, 1) < 0)
        ;
    return NULL;
}

static void writes_beside_a_thread(void) {
    int ends[2];
    pthread_t thread;
    pipe(ends);
    pthread_create(&thread, NULL, sleeps_in_read, ends);
    await_line();
    say("hello", 1);
}

static void vectors_with_flags(void) {
    int ends[2];
    char bytes[6];
    struct iovec out = {"abcdef", 6}, in = {bytes, 6};
    pipe(ends);
    await_line();
    say("pwritev2", pwritev2(ends[1], &out, 1, -1, 0));
    say("preadv2", preadv2(ends[0], &in, 1, -1, 0));
}

/* The sum of these lengths is no number of 64 bits. */
static void vectors_too_long(void) {
    int ends[2];
    struct iovec out[] = {{"ab", (size_t)-1}, {"cdefg", 5}};
    pipe(ends);
    await_line();
    say("writev", writev(ends[1], out, 2));
}

/* One byte from a socket, from another pipe, from standard input, and from a copy of that. */
static void reads_everywhere(void) {
    int sockets[2], ends[2];
    char byte;
    await_line();
    socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
    write(sockets[1], "s", 1);
    pipe(ends);
    write(ends[1], "p", 1);
    int copy = dup(0);
    for (int round = 0; round < 2; round++) {
        say("socket", recv(sockets[0], &byte, 1, MSG_PEEK) < 0 ? -1 : 1);
        say("pipe", read(ends[0], &byte, 0) < 0 ? -1 : 1);
        say("input", read(0, &byte, 1) < 0 ? -1 : 1);
        say("copy", read(copy, &byte, 1) < 0 ? -1 : 1);
    }
}

/* At the standard descriptors the lab holds the other ends: nobody may keep these pipes locked. */
static void splices_its_input(void) {
    int from[2], to[2];
    char byte = 0;
    pipe(from);
    pipe(to);
    write(from[1], "x", 1);
    say("from standard input", splice(0, NULL, to[1], NULL, 1, 0));
    say("to standard output", splice(from[0], NULL, 1, NULL, 1, 0));
    say("splice", splice(from[0], NULL, to[1], NULL, 1, 0));
    say("read", read(0, &byte, 1));
    say("byte", byte);
}

/* From one pipe to another, and from a file to that: what copies is a read and a write. */
static void copies(void) {
    int from[2], to[2];
    await_line();
    pipe(from);
    pipe(to);
    write(from[1], "x", 1);
    int file = open("/proc/self/exe", O_RDONLY);
    for (int round = 0; round < 2; round++)
        say("splice", splice(from[0], NULL, to[1], NULL, 1, 0));
    for (int round = 0; round < 2; round++)
        say("sendfile", sendfile(to[1], file, NULL, 1));
}

static volatile sig_atomic_t broken;
static void count_broken(int signal) {
    (void)signal;
    broken++;
}

/* Each write finds that nobody reads: the pipes are 3 and 4, the streams 5 and 6, the datagrams go to 7. */
static void breaks_pipes(void) {
    int ends[2], streams[2];
    struct sockaddr_in address;
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    pipe(ends);
    socketpair(AF_UNIX, SOCK_STREAM, 0, streams);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0), file = open(self, O_RDONLY);
    close(listener(&address));
    connect(datagrams, (struct sockaddr *)&address, sizeof address);
    shutdown(datagrams, SHUT_WR);
    close(ends[0]);
    close(streams[0]);
    await_line();
    signal(SIGPIPE, count_broken);
    say("write to a pipe", write(ends[1], "x", 1)), say("signals", broken);
    say("sendfile to a pipe", sendfile(ends[1], file, NULL, 1)), say("signals", broken);
    say("writev", writev(streams[1], &part, 1)), say("signals", broken);
    say("send", send(streams[1], "x", 1, 0)), say("signals", broken);
    say("send without it", send(streams[1], "x", 1, MSG_NOSIGNAL)), say("signals", broken);
    say("sendmsg without it", sendmsg(streams[1], &message, MSG_NOSIGNAL)), say("signals", broken);
    say("send of a datagram", send(datagrams, "x", 1, 0)), say("signals", broken);
    signal(SIGPIPE, SIG_IGN);
    say("where it is ignored", write(ends[1], "x", 1)), say("signals", broken);
    signal(SIGPIPE, SIG_DFL);
    say("where it kills", write(ends[1], "x", 1));
}

static volatile sig_atomic_t flag;
static void set_flag(int signal) {
    (void)signal;
    flag = 1;
}

static void catches(void) {
    struct sigaction action = {.sa_handler = set_flag};
    sigaction(SIGTERM, &action, NULL);
    await_line();
}

/* The classic mistake: the signal may come between the look at the flag and the pause. */
static void flag_then_pause(void) {
    catches();
    while (!flag)
        pause();
    say("flag", flag);
}

static void flag_then_read(void) {
    char byte;
    int ends[2];
    catches();
    pipe(ends);
    while (!flag)
        read(ends[0], &byte, 1);
    say("flag", flag);
}

static void block(sigset_t *before) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, before);
}

static void flag_then_sigsuspend(void) {
    sigset_t before;
    catches();
    block(&before);
    while (!flag)
        sigsuspend(&before);
    say("flag", flag);
}

static void flag_then_ppoll(void) {
    sigset_t before;
    catches();
    block(&before);
    while (!flag)
        say("ppoll", ppoll(NULL, 0, NULL, &before));
    say("flag", flag);
}

static void clones_untraced(void) {
    await_line();
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        say("child", 7);
        _exit(0);
    }
    say("child ended", waitpid(pid, NULL, 0) == pid);
}

static void hides(void) {
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    char byte = 0, copy;
    struct iovec from = {&byte, 1}, to = {&copy, 1};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    say("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    say("prctl", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    say("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
    say("process_vm_readv", process_vm_readv(getpid(), &to, 1, &from, 1, 0));
    say("io_uring_setup", syscall(SYS_io_uring_setup, 8, NULL));
    say("prctl of no harm", prctl(PR_SET_NAME, "name"));
}

static void vfork_storm(void) {
    for (volatile int i = 0; i < 200; i++) {
        if (vfork() == 0)
            _exit(0);
        wait(NULL);
    }
    say("done", 200);
}

static void *spins(void *unused) {
    (void)unused;
    for (;;)
        close(-1);
    return NULL;
}

static void thread_storm(void) {
    pthread_t thread;
    for (int i = 0; i < 20; i++)
        pthread_create(&thread, NULL, spins, NULL);
    exit(9);
}

static void calls_often(void) {
    for (int i = 0; i < 10000; i++)
        close(-1);
    say("done", 1);
}

static void count_processors(const char *who) {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    printf("%s: %d processors\n", who, CPU_COUNT(&set));
    fflush(stdout);
}

static void *counts(void *unused) {
    count_processors("thread");
    return unused;
}

static void processors(void) {
    cpu_set_t one;
    pthread_t thread;
    int given = sched_getcpu();
    count_processors("at first");
    for (int i = 0; i < 500; i++) {
        close(-1);
        if (i % 100 == 99)
            count_processors("later");
    }
    if (fork() == 0) {
        count_processors("child");
        _exit(0);
    }
    wait(NULL);
    pthread_create(&thread, NULL, counts, NULL);
    pthread_join(thread, NULL);
    CPU_ZERO(&one);
    CPU_SET(given, &one);
    say("choice", sched_setaffinity(0, sizeof one, &one));
    for (int i = 0; i < 500; i++)
        close(-1);
    count_processors("chosen");
    say("there", sched_getcpu() == given);
}

static void is_interrupted_in_read(void) {
    int ends[2];
    char byte;
    pipe(ends);
    handle(SIGUSR1, SA_RESTART);
    handle(SIGUSR2, 0);
    if (fork() == 0) {
        nap(60);
        kill(getppid(), SIGUSR1);
        nap(60);
        kill(getppid(), SIGURG);
        nap(60);
        kill(getppid(), SIGUSR2);
        nap(60);
        write(ends[1], "x", 1);
        _exit(0);
    }
    say("read", read(ends[0], &byte, 1));
    say("read", read(ends[0], &byte, 1));
}

static sigjmp_buf left;
static void leaves(int signal) {
    (void)signal;
    siglongjmp(left, 1);
}

/* Two reads from one place: a handler leaves the first. */
static void leaves_a_read(void) {
    int silent[2], full[2];
    char byte;
    volatile int round = 0;
    pipe(silent);
    pipe(full);
    write(full[1], "x", 1);
    struct sigaction action = {.sa_handler = leaves, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = {{0, 0}, {0, 50000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    sigsetjmp(left, 1);
    int fd = round++ == 0 ? silent[0] : full[0];
    say("read", read(fd, &byte, 1));
}

#ifdef __x86_64__
/* Makes calls with an instruction of the dynamic loader. */
static void calls_in_the_loader(void) {
    const unsigned char *at = (const unsigned char *)getauxval(AT_BASE);
    /* syscall; ret. Of the pages that may be read, some page has it. */
    while (memcmp(at, "\x0f\x05\xc3", 3) != 0)
        at++;
    long result;
    __asm__ volatile("sub $256, %%rsp\n\tcall *%1\n\tadd $256, %%rsp"
                     : "=a"(result)
                     : "r"(at), "a"(SYS_clone), "D"(CLONE_UNTRACED | SIGCHLD), "S"(0), "d"(0)
                     : "rcx", "r11", "memory");
    if (result == 0) {
        say("child", 7);
        _exit(0);
    }
    say("child ended", waitpid(result, NULL, 0) == result);
}
#endif

static void is_killed(void) { raise(SIGKILL); }
static void greets(void) { say("hello", getpid() > 0); }

#define WAY(name) {#name, name}
static const struct {
    const char *name;
    void (*run)(void);
} WAYS[] = {
    WAY(echo), WAY(sockets), WAY(children), WAY(threads), WAY(exec_in_a_thread), WAY(daemonizes), WAY(stops),
    WAY(interrupted), WAY(sleeps_among_children), WAY(stopped_with_a_thread), WAY(moves), WAY(keeps_messages), WAY(fails), WAY(reads_everywhere), WAY(copies),
    WAY(breaks_pipes), WAY(cannot_wait), WAY(returns_at_once),
    WAY(reads_one_and_more), WAY(writes_beside_a_thread), WAY(vectors_with_flags), WAY(vectors_too_long), WAY(leaves_a_read),
    WAY(splices_its_input), WAY(flag_then_pause),
    WAY(flag_then_read), WAY(flag_then_sigsuspend), WAY(flag_then_ppoll), WAY(clones_untraced), WAY(hides),
    WAY(vfork_storm), WAY(thread_storm), WAY(calls_often), WAY(processors), WAY(is_interrupted_in_read), WAY(is_killed), WAY(greets),
#ifdef __x86_64__
    WAY(registers), WAY(calls_for_32_bits), WAY(calls_in_the_loader),
#endif
};

int main(int count, char **words) {
    self = words[0];
    for (size_t i = 0; count > 1 && i < sizeof WAYS / sizeof *WAYS; i++)
        if (strcmp(WAYS[i].name, words[1]) == 0) {
            WAYS[i].run();
            return 0;
        }
    return 2;
}
