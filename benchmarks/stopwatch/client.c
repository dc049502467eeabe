/* The limit of what a client on this machine can measure: open loop, C, one thread, epoll, warm connections.
 * Prints one latency a line, nanoseconds from the intended start to the end of the answer.
 * usage: client PORT RATE SECONDS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS 70000

static uint64_t intended[MAX_FDS];
static int idle[MAX_FDS], n_idle, poll_fd, port;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int connection(void) {
    if (n_idle) return idle[--n_idle];
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at)) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    return fd;
}

int main(int argc, char **argv) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n";
    if (argc != 4) return 2;
    port = atoi(argv[1]);
    double rate = atof(argv[2]);
    uint64_t total = (uint64_t)(rate * atof(argv[3])), sent = 0, done = 0;
    uint64_t *taken = calloc(total, sizeof *taken);
    prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poll_fd = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
    uint64_t start = now_ns() + 10000000ull, last = start + (uint64_t)((double)total / rate * 1e9) + 10000000000ull;
    while (done < total && now_ns() < last) {
        uint64_t due = start + (uint64_t)((double)sent / rate * 1e9);
        while (sent < total && due <= now_ns()) {
            int fd = connection();
            if (fd < 0) return 3;
            intended[fd] = due;
            if (write(fd, request, sizeof request - 1) < 0) return 4;
            due = start + (uint64_t)((double)++sent / rate * 1e9);
        }
        struct itimerspec at = {.it_value = {(time_t)(due / 1000000000ull), (long)(due % 1000000000ull)}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
        struct epoll_event events[256];
        int n = epoll_wait(poll_fd, events, 256, 100);
        for (int i = 0; i < n; i++) {
            char data[4096];
            int fd = events[i].data.fd;
            if (read(fd, data, sizeof data) <= 0) continue;
            if (fd == timer) continue;
            if (done < total) taken[done++] = now_ns() - intended[fd];
            idle[n_idle++] = fd;
        }
    }
    for (uint64_t i = 0; i < done; i++) printf("%llu\n", (unsigned long long)taken[i]);
    return done == total ? 0 : 5;
}
