/* day2_2 with four processes that accept from one socket. Whoever stops the first one has to stop them, too. */
#include "echo.h"

#include <sys/wait.h>

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    int listener = listener_on(&address);
    for (int i = 0; i < 4; i++)
        if (fork() == 0)
            serve_all(listener);
    announce(&address);
    for (;;)
        if (wait(NULL) < 0 && errno != EINTR)
            return 1;
}
