/* day2_2 which moves one byte with each call, and with TCP_NODELAY, so that each byte is a segment of its own. */
#define PIECE 1
#include "echo.h"

int main(int count, char **words) {
    struct sockaddr_in address = address_in(count, words);
    int listener = listener_on(&address);
    /* The connections inherit it. */
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    announce(&address);
    serve_all(listener);
}
