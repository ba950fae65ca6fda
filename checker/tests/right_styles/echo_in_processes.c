/* day2_2 with a process for each client. The kernel collects them, because SIGCHLD is ignored. */
#include "echo.h"

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    int listener = listener_on(&address);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    announce(&address);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) {
            if (fork() == 0) {
                serve(client);
                _exit(0);
            }
            close(client);
        } else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}
