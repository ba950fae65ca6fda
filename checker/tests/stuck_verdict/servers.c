/* TCP echo servers of odd designs, one for each file name under which this program is started: see stuck_verdict.rs.
 *
 * A right one answers, after nap, or in its own way of doing it; the verdict "stuck" would be a false alarm. One whose
 * name begins with "hangs_in_" takes what the client sends and then sleeps for ever. In C, because what is odd here
 * are calls which the standard library of Rust does not make.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/* Several times as long as the checker watches sleepers before it calls them stuck. */
#define NAP_MS 300
#define NAP_NS (NAP_MS * 1000000L)

static int listener = -1;

static void check(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(9);
    }
}

/* The start */

static void listen_on(const char *text)
{
    char ip[64] = "";
    unsigned port = 0;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int one = 1;
    check(sscanf(text, "%63[0-9.]:%u", ip, &port) == 2, "the address");
    check(inet_pton(AF_INET, ip, &address.sin_addr) == 1, "the address");
    address.sin_port = htons(port);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    check(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    check(listen(listener, 128) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listening %s:%u\n", ip, ntohs(address.sin_port));
    fflush(stdout);
}

static int is_name(const char *name, const char *other)
{
    return strcmp(name, other) == 0;
}

static struct timespec nap_time(void)
{
    return (struct timespec){.tv_nsec = NAP_NS};
}

static struct timespec nap_end(void)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += NAP_NS;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    return end;
}

static void burn(long ms)
{
    struct timespec used;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
}

/* Naps: each returns after NAP_MS, woken by time alone */

static void on_signal(int signal)
{
    (void)signal;
}

static void catch_signal(int signal)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(signal, &action, NULL);
}

static sigset_t only(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static void arm_alarm(void)
{
    struct itimerval once = {.it_value = {.tv_usec = NAP_MS * 1000}};
    setitimer(ITIMER_REAL, &once, NULL);
}

static void arm_timer(int signal)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec once = {.it_value = nap_time()};
    check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    timer_settime(timer, 0, &once, NULL);
}

static int armed_timerfd(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec once = {.it_value = nap_time()};
    timerfd_settime(fd, 0, &once, NULL);
    return fd;
}

static void nanosleeps(void)
{
    struct timespec time = nap_time();
    nanosleep(&time, NULL);
}

static void polls(void)
{
    poll(NULL, 0, NAP_MS);
}

static void selects(void)
{
    struct timeval time = {.tv_usec = NAP_MS * 1000};
    select(0, NULL, NULL, NULL, &time);
}

static void waits_in_epoll(void)
{
    int epoll = epoll_create1(0);
    struct epoll_event event;
    epoll_wait(epoll, &event, 1, NAP_MS);
    close(epoll);
}

static void catches_an_alarm(void)
{
    catch_signal(SIGALRM);
    arm_alarm();
    pause();
}

static void catches_an_alarm_in_sigsuspend(void)
{
    sigset_t alarm_only = only(SIGALRM), none;
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &alarm_only, NULL);
    catch_signal(SIGALRM);
    arm_alarm();
    sigsuspend(&none);
}

static void awaits_a_blocked_alarm(void)
{
    sigset_t set = only(SIGALRM);
    int signal;
    sigprocmask(SIG_BLOCK, &set, NULL);
    arm_alarm();
    sigwait(&set, &signal);
}

static void reads_an_alarm_from_a_signalfd(void)
{
    sigset_t set = only(SIGALRM);
    struct signalfd_siginfo info;
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, 0);
    arm_alarm();
    check(read(fd, &info, sizeof info) == sizeof info, "read");
    close(fd);
}

static void polls_an_alarm_from_a_signalfd(void)
{
    sigset_t set = only(SIGALRM);
    struct signalfd_siginfo info;
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct pollfd file = {.fd = signalfd(-1, &set, 0), .events = POLLIN};
    arm_alarm();
    poll(&file, 1, -1);
    check(read(file.fd, &info, sizeof info) == sizeof info, "read");
    close(file.fd);
}

static void catches_a_posix_timer(void)
{
    catch_signal(SIGUSR1);
    arm_timer(SIGUSR1);
    pause();
}

static void awaits_a_posix_timer(void)
{
    sigset_t set = only(SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    arm_timer(SIGRTMIN);
    sigwaitinfo(&set, NULL);
}

static sem_t rung;

static void ring(union sigval value)
{
    (void)value;
    sem_post(&rung);
}

static void has_a_timer_with_a_thread(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = ring};
    struct itimerspec once = {.it_value = nap_time()};
    sem_init(&rung, 0, 0);
    check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    timer_settime(timer, 0, &once, NULL);
    sem_wait(&rung);
    timer_delete(timer);
}

static void reads_a_timerfd(void)
{
    uint64_t count;
    int fd = armed_timerfd();
    check(read(fd, &count, sizeof count) == sizeof count, "read");
    close(fd);
}

static void polls_a_timerfd(void)
{
    struct pollfd file = {.fd = armed_timerfd(), .events = POLLIN};
    poll(&file, 1, -1);
    close(file.fd);
}

static void has_a_timerfd_in_epoll(void)
{
    int epoll = epoll_create1(0), fd = armed_timerfd();
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    epoll_wait(epoll, &event, 1, -1);
    close(fd);
    close(epoll);
}

static void has_a_time_limit_on_a_socket(void)
{
    int pair[2];
    char byte;
    struct timeval time = {.tv_usec = NAP_MS * 1000};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    check(recv(pair[0], &byte, 1, 0) < 0 && errno == EAGAIN, "recv");
    close(pair[0]);
    close(pair[1]);
}

static void has_a_time_limit_for_sending(void)
{
    static char block[1 << 16];
    int pair[2];
    struct timeval time = {.tv_usec = NAP_MS * 1000};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    while (send(pair[0], block, sizeof block, 0) > 0)
        continue;
    check(errno == EAGAIN, "send");
    close(pair[0]);
    close(pair[1]);
}

static void accepts_with_a_time_limit(void)
{
    struct timeval time = {.tv_usec = NAP_MS * 1000}, none = {0};
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    check(accept(listener, NULL, NULL) < 0 && errno == EAGAIN, "accept");
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
}

static void waits_on_a_condition_with_a_limit(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec end = nap_end();
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&condition, &mutex, &end);
    pthread_mutex_unlock(&mutex);
}

/* Naps that somebody else takes */

static void *naps_in_a_thread(void *unused)
{
    (void)unused;
    nanosleeps();
    return NULL;
}

static void joins_a_thread_that_naps(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, naps_in_a_thread, NULL);
    pthread_join(thread, NULL);
}

static void waits_for_a_child_that_burns(void)
{
    pid_t child = fork();
    if (child == 0) {
        burn(NAP_MS);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void waits_for_a_child_that_has_an_alarm(void)
{
    pid_t child = fork();
    if (child == 0) {
        awaits_a_blocked_alarm();
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void runs_a_command(void)
{
    check(system("sleep 0.3") == 0, "system");
}

static void runs_a_command_in_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sleep", "sleep", "0.3", (char *)NULL);
        _exit(9);
    }
    waitpid(child, NULL, 0);
}

static void has_a_grandchild_of_a_thread(void)
{
    joins_a_thread_that_naps();
    int ends[2];
    char byte;
    check(pipe(ends) == 0, "pipe");
    if (fork() == 0) {
        if (fork() == 0) {
            nanosleeps();
            check(write(ends[1], "x", 1) == 1, "write");
        }
        _exit(0);
    }
    wait(NULL);
    check(read(ends[0], &byte, 1) == 1, "read");
    close(ends[0]);
    close(ends[1]);
}

static void is_stopped_and_continued_by_its_child(void)
{
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
        nanosleeps();
        kill(self, SIGCONT);
        _exit(0);
    }
    raise(SIGSTOP);
    waitpid(child, NULL, 0);
}

static void is_stopped_and_continued_by_a_timer(void)
{
    arm_timer(SIGCONT);
    raise(SIGSTOP);
}

static void naps_behind_another_process(void)
{
    int to[2], from[2];
    char byte = 'x';
    check(pipe(to) == 0 && pipe(from) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        check(read(to[0], &byte, 1) == 1, "read");
        polls_a_timerfd();
        check(write(from[1], &byte, 1) == 1, "write");
        _exit(0);
    }
    check(write(to[1], &byte, 1) == 1 && read(from[0], &byte, 1) == 1, "a pipe");
    waitpid(child, NULL, 0);
    for (int end = 0; end < 2; end++) {
        close(to[end]);
        close(from[end]);
    }
}

struct way {
    const char *name;
    void (*nap)(void);
};

#define WAY(name) {#name, name}

static const struct way NAPS[] = {
    WAY(nanosleeps),
    WAY(polls),
    WAY(selects),
    WAY(waits_in_epoll),
    WAY(catches_an_alarm),
    WAY(catches_an_alarm_in_sigsuspend),
    WAY(awaits_a_blocked_alarm),
    WAY(reads_an_alarm_from_a_signalfd),
    WAY(polls_an_alarm_from_a_signalfd),
    WAY(catches_a_posix_timer),
    WAY(awaits_a_posix_timer),
    WAY(has_a_timer_with_a_thread),
    WAY(reads_a_timerfd),
    WAY(polls_a_timerfd),
    WAY(has_a_timerfd_in_epoll),
    WAY(has_a_time_limit_on_a_socket),
    WAY(has_a_time_limit_for_sending),
    WAY(accepts_with_a_time_limit),
    WAY(waits_on_a_condition_with_a_limit),
    WAY(joins_a_thread_that_naps),
    WAY(waits_for_a_child_that_burns),
    WAY(waits_for_a_child_that_has_an_alarm),
    WAY(runs_a_command),
    WAY(runs_a_command_in_vfork),
    WAY(has_a_grandchild_of_a_thread),
    WAY(is_stopped_and_continued_by_its_child),
    WAY(is_stopped_and_continued_by_a_timer),
    WAY(naps_behind_another_process),
};

/* Servers */

static void write_all(int fd, const char *bytes, ssize_t count, ssize_t at_once)
{
    while (count > 0) {
        ssize_t done = write(fd, bytes, count < at_once ? count : at_once);
        if (done < 0)
            return;
        bytes += done;
        count -= done;
    }
}

static void echo(int connection, void (*nap)(void), ssize_t at_once)
{
    char bytes[4096];
    ssize_t count;
    while ((count = read(connection, bytes, sizeof bytes)) > 0) {
        if (nap)
            nap();
        write_all(connection, bytes, count, at_once);
    }
    close(connection);
}

static void serve(void (*nap)(void), ssize_t at_once)
{
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection >= 0)
            echo(connection, nap, at_once);
    }
}

static void *serve_in_a_thread(void *nap)
{
    serve((void (*)(void))nap, 4096);
    return NULL;
}

static void start_thread(void *(*work)(void *), void *with)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, work, with) == 0, "pthread_create");
}

/* Passes each byte through other threads: over a pipe, a socket pair, and then an eventfd or a semaphore. */

static int stage[2][2];
static int bell;
static char passed;
static sem_t passed_on;

static void *first_worker(void *unused)
{
    char byte;
    while (read(stage[0][0], &byte, 1) == 1) {
        nanosleeps();
        check(write(stage[1][1], &byte, 1) == 1, "write");
    }
    return unused;
}

static void *second_worker(void *unused)
{
    while (read(stage[1][0], &passed, 1) == 1) {
        uint64_t one = 1;
        if (passed % 2)
            check(write(bell, &one, sizeof one) == sizeof one, "write");
        sem_post(&passed_on);
    }
    return unused;
}

static void passes_work_between_threads(void)
{
    check(pipe(stage[0]) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, stage[1]) == 0, "pipe");
    bell = eventfd(0, 0);
    sem_init(&passed_on, 0, 0);
    start_thread(first_worker, NULL);
    start_thread(second_worker, NULL);
    for (;;) {
        char bytes[4096];
        ssize_t count;
        int connection = accept(listener, NULL, NULL);
        while ((count = read(connection, bytes, sizeof bytes)) > 0) {
            uint64_t rings;
            bytes[0] |= 0;
            check(write(stage[0][1], bytes, 1) == 1, "write");
            sem_wait(&passed_on);
            if (passed % 2)
                check(read(bell, &rings, sizeof rings) == sizeof rings, "read");
            bytes[0] = passed;
            write_all(connection, bytes, count, count);
        }
        close(connection);
    }
}

static void asks_again_with_a_time_limit(void)
{
    struct timeval time = {.tv_usec = 100000};
    for (;;) {
        char bytes[4096];
        ssize_t kept = 0, count;
        int idle = 0;
        int connection = accept(listener, NULL, NULL);
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        while ((count = recv(connection, bytes + kept, sizeof bytes - kept, 0)) != 0) {
            if (count > 0) {
                kept += count;
                idle = 0;
            } else if (errno == EAGAIN && kept > 0 && ++idle == 3) {
                write_all(connection, bytes, kept, kept);
                kept = 0;
            }
        }
        close(connection);
    }
}

/* Programs that hang */

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER, right = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both_hold_one;

static void *lock_both(void *backwards)
{
    pthread_mutex_lock(backwards ? &right : &left);
    pthread_barrier_wait(&both_hold_one);
    pthread_mutex_lock(backwards ? &left : &right);
    return NULL;
}

static void fill(int fd)
{
    static char block[4096];
    while (write(fd, block, sizeof block) > 0)
        continue;
}

static void *reads_in_a_thread(void *connection)
{
    char byte;
    while (read((int)(intptr_t)connection, &byte, 1) > 0)
        continue;
    return NULL;
}

static void hang(const char *name, int connection)
{
    char byte;
    int ends[2];
    sigset_t none, set = only(SIGUSR1);
    struct pollfd file = {.fd = connection, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    struct timeval limit = {.tv_sec = 3600};
    struct timespec hour = {.tv_sec = 3600};
    fd_set files;
    sigemptyset(&none);
    FD_ZERO(&files);
    FD_SET(connection, &files);
    check(pipe(ends) == 0, "pipe");
    if (is_name(name, "read"))
        check(read(connection, &byte, 1) >= 0, "read");
    else if (is_name(name, "read_with_a_limit_for_writing")) {
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        check(read(connection, &byte, 1) >= 0, "read");
    } else if (is_name(name, "read_and_catches_sigalrm")) {
        catch_signal(SIGALRM);
        check(read(connection, &byte, 1) >= 0, "read");
    } else if (is_name(name, "read_and_catches_sigprof")) {
        catch_signal(SIGPROF);
        check(read(connection, &byte, 1) >= 0, "read");
    } else if (is_name(name, "accept"))
        accept(listener, NULL, NULL);
    else if (is_name(name, "recv"))
        recv(connection, &byte, 1, 0);
    else if (is_name(name, "poll"))
        poll(&file, 1, -1);
    else if (is_name(name, "ppoll"))
        ppoll(&file, 1, NULL, NULL);
    else if (is_name(name, "epoll")) {
        int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event);
        epoll_wait(epoll, &event, 1, -1);
    } else if (is_name(name, "select"))
        select(connection + 1, &files, NULL, NULL, NULL);
    else if (is_name(name, "wait4")) {
        if (fork() == 0)
            pause();
        wait(NULL);
    } else if (is_name(name, "a_deadlock")) {
        pthread_barrier_init(&both_hold_one, NULL, 2);
        start_thread(lock_both, &byte);
        lock_both(NULL);
    } else if (is_name(name, "pause"))
        pause();
    else if (is_name(name, "sigsuspend"))
        sigsuspend(&none);
    else if (is_name(name, "sigwait")) {
        int signal;
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigwait(&set, &signal);
    } else if (is_name(name, "a_signalfd")) {
        struct signalfd_siginfo info;
        sigprocmask(SIG_BLOCK, &set, NULL);
        check(read(signalfd(-1, &set, 0), &info, sizeof info) > 0, "read");
    } else if (is_name(name, "a_disarmed_timerfd")) {
        uint64_t count;
        check(read(timerfd_create(CLOCK_MONOTONIC, 0), &count, sizeof count) > 0, "read");
    } else if (is_name(name, "a_full_pipe"))
        fill(ends[1]);
    else if (is_name(name, "two_full_directions")) {
        int pair[2];
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
        fill(pair[fork() == 0]);
    } else if (is_name(name, "splice"))
        splice(connection, NULL, ends[1], NULL, 4096, 0);
    else if (is_name(name, "a_thread_without_main")) {
        start_thread(reads_in_a_thread, (void *)(intptr_t)connection);
        pthread_exit(NULL);
    } else if (is_name(name, "poll_for_an_hour"))
        poll(&file, 1, 3600000);
    else if (is_name(name, "ppoll_for_an_hour"))
        ppoll(&file, 1, &hour, NULL);
    else if (is_name(name, "sigtimedwait_for_an_hour")) {
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigtimedwait(&set, NULL, &hour);
    } else if (is_name(name, "nanosleep_for_an_hour"))
        nanosleep(&hour, NULL);
    else if (is_name(name, "sigstop"))
        raise(SIGSTOP);
    else
        check(0, name);
}

int main(int count, char **arguments)
{
    const char *name = strrchr(arguments[0], '/');
    name = name ? name + 1 : arguments[0];
    check(count == 2, "arguments");
    if (is_name(name, "computes_before_it_listens"))
        burn(500);
    if (is_name(name, "naps_before_it_listens"))
        awaits_a_blocked_alarm();
    listen_on(arguments[1]);
    signal(SIGPIPE, SIG_IGN);

    for (size_t i = 0; i < sizeof NAPS / sizeof *NAPS; i++)
        if (is_name(name, NAPS[i].name))
            serve(NAPS[i].nap, 4096);
    if (strncmp(name, "hangs_in_", 9) == 0) {
        char bytes[4096];
        int connection = accept(listener, NULL, NULL);
        check(read(connection, bytes, sizeof bytes) > 0, "read");
        hang(name + 9, connection);
        pause();
    }
    if (is_name(name, "computes_before_it_listens") || is_name(name, "naps_before_it_listens"))
        serve(NULL, 4096);
    if (is_name(name, "answers_one_byte_per_write"))
        serve(NULL, 1);
    if (is_name(name, "passes_work_between_threads"))
        passes_work_between_threads();
    if (is_name(name, "asks_again_with_a_time_limit"))
        asks_again_with_a_time_limit();
    if (is_name(name, "has_20_threads")) {
        for (int i = 0; i < 19; i++)
            start_thread(serve_in_a_thread, nanosleeps);
        serve(nanosleeps, 4096);
    }
    if (is_name(name, "lives_on_without_its_main_thread")) {
        start_thread(serve_in_a_thread, nanosleeps);
        pthread_exit(NULL);
    }
    if (is_name(name, "lives_on_with_a_time_limit")) {
        start_thread(serve_in_a_thread, has_a_time_limit_on_a_socket);
        pthread_exit(NULL);
    }
    if (is_name(name, "serves_in_a_child")) {
        if (fork() == 0)
            serve(nanosleeps, 4096);
        wait(NULL);
    }
    if (is_name(name, "burns_in_a_child")) {
        if (fork() == 0) {
            burn(600);
            pause();
        }
        serve(nanosleeps, 4096);
    }
    check(0, name);
}
