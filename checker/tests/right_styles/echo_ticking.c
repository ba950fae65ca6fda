/* day2_2 with a timer that interrupts whatever it does, every five milliseconds. */
#include "echo.h"

static void tick(int number) { (void)number; }

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = tick}, NULL);
    struct timeval time = {.tv_usec = 5000};
    setitimer(ITIMER_REAL, &(struct itimerval){time, time}, NULL);
    int listener = listener_on(&address);
    announce(&address);
    serve_all(listener);
}
