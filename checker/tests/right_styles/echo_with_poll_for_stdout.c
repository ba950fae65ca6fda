/* day2_2 with a standard output that does not block: when it is full, the program sleeps in poll until there is room. A
 * helper polls a pipe meanwhile, in which nothing ever comes. */
#include "echo.h"
#include <fcntl.h>

static void *poll_for_ever(void *unused) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0)
        for (;;)
            poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, -1);
    return unused;
}

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    pthread_t thread;
    pthread_create(&thread, NULL, poll_for_ever, NULL);
    fcntl(1, F_SETFL, O_NONBLOCK);
    int listener = listener_on(&address);
    announce(&address);
    serve_all(listener);
}
