/* day2_2 with the longest pause that is right: a second, when accept finds no descriptor. */
#include "echo.h"

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    int listener = listener_on(&address);
    signal(SIGPIPE, SIG_IGN);
    announce(&address);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0)
            serve(client);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            sleep(1);
    }
}
