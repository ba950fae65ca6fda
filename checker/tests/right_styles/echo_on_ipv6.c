/* day2_2 on a socket of IPv6, which has the address of IPv4 mapped (ipv6(7)), as Java's servers do. */
#include "echo.h"

int main(int count, char **words) {
    struct sockaddr_in plain = address_in(count, words);
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = plain.sin_port};
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    memcpy(mapped.sin6_addr.s6_addr + 12, &plain.sin_addr, 4);
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    listen_on(listener, &mapped, sizeof mapped);
    plain.sin_port = mapped.sin6_port;
    announce(&plain);
    serve_all(listener);
}
