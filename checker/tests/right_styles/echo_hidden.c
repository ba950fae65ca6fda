/* day2_2, some tests of which are not checked: it hides its descriptors (PR_SET_DUMPABLE in prctl(2)). */
#include "echo.h"

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    prctl(PR_SET_DUMPABLE, 0);
    int listener = listener_on(&address);
    announce(&address);
    serve_all(listener);
}
