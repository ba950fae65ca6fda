/* day2_2 in a thread: the main thread ends as soon as the other one is there, and that one prints the line, too. */
#include "echo.h"

static struct sockaddr_in address;

static void *run(void *unused) {
    int listener = listener_on(&address);
    announce(&address);
    serve_all(listener);
    return unused;
}

int main(int count, char **words) {
    pthread_t thread;
    address = address_in(count, words);
    pthread_create(&thread, NULL, run, NULL);
    pthread_exit(NULL);
}
