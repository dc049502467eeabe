/* A server whose latency is known: log-normal delays (P50 20 ms, P95 60 ms), and a stall of the whole process now and
 * then. One thread, epoll, HTTP/1.1 keep-alive. On SIGTERM it writes what it did, monotonic nanoseconds:
 *   u64 n, n * { read, due, written }, u64 m, m * { stall begin, stall end }
 * usage: server PORT LOG SEED STALL_PERIOD_MS   (0: no stalls; the first stall is half a period after the first request)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
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

#define MAX_REQUESTS (1 << 21)
#define BLOCK 1000
#define STALL_NS 1000000000ull

typedef struct { uint64_t read, due, written; } Record;
typedef struct { uint64_t due; uint32_t record; int fd; } Pending;

static Record *records;
static uint64_t n_records, n_heap, stalls[2048], n_stalls;
static Pending heap[1 << 17];
static double block[BLOCK];
static int block_at = BLOCK;
static volatile sig_atomic_t over;
static char tail[65536];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* Acklam's approximation of the normal quantile, relative error below 1.2e-9. */
static double probit(double p) {
    static const double a[] = {-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690,
                               -30.66479806614716, 2.506628277459239};
    static const double b[] = {-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972,
                               -13.28068155288572};
    static const double c[] = {-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
                               4.374664141464968, 2.938163982698783};
    static const double d[] = {0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416};
    if (p < 0.02425 || p > 1 - 0.02425) {
        double q = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
        double x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                   ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
        return p < 0.5 ? x : -x;
    }
    double q = p - 0.5, r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

/* Stratified: each thousand delays hits each thousandth of the distribution once, in random order. */
static uint64_t delay_ns(void) {
    if (block_at == BLOCK) {
        for (int i = 0; i < BLOCK; i++) block[i] = 0.020 * exp(log(3.0) / 1.6448536 * probit((i + drand48()) / BLOCK));
        for (int i = BLOCK - 1; i > 0; i--) {
            int j = (int)(drand48() * (i + 1));
            double x = block[i];
            block[i] = block[j];
            block[j] = x;
        }
        block_at = 0;
    }
    return (uint64_t)(block[block_at++] * 1e9);
}

static void push(Pending p) {
    uint64_t i = n_heap++;
    for (; i && heap[(i - 1) / 2].due > p.due; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = p;
}

static Pending pop(void) {
    Pending top = heap[0], last = heap[--n_heap];
    uint64_t i = 0;
    for (uint64_t k; (k = 2 * i + 1) < n_heap; i = k) {
        if (k + 1 < n_heap && heap[k + 1].due < heap[k].due) k++;
        if (heap[k].due >= last.due) break;
        heap[i] = heap[k];
    }
    heap[i] = last;
    return top;
}

static void answer_due(void) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
    while (n_heap && heap[0].due <= now_ns()) {
        Pending p = pop();
        if (write(p.fd, text, sizeof text - 1) > 0) records[p.record].written = now_ns();
    }
}

static void on_readable(int fd) {
    char data[16384];
    ssize_t got = read(fd, data, sizeof data);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) close(fd);
        return;
    }
    /* One request at a time on a connection; it is whole when it ends with an empty line. */
    if (got < 4 || memcmp(data + got - 4, "\r\n\r\n", 4) || n_records == MAX_REQUESTS) return;
    uint64_t now = now_ns(), due = now + delay_ns();
    records[n_records] = (Record){now, due, 0};
    push((Pending){due, (uint32_t)n_records++, fd});
}

static void stall_if_due(uint64_t period) {
    static uint64_t next;
    if (!period || !n_records) return;
    if (!next) next = records[0].read + period / 2;
    if (now_ns() < next) return;
    uint64_t begin = now_ns(), end = begin + STALL_NS;
    struct timespec until = {(time_t)(end / 1000000000ull), (long)(end % 1000000000ull)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR && !over) {}
    stalls[2 * n_stalls] = begin;
    stalls[2 * n_stalls++ + 1] = now_ns();
    next = begin + period;
}

static void on_term(int number) { over = number; }

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    uint64_t period = strtoull(argv[4], NULL, 10) * 1000000ull;
    srand48(atol(argv[3]));
    prctl(PR_SET_TIMERSLACK, 1);
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    records = calloc(MAX_REQUESTS, sizeof *records);
    int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 65535)) return 3;
    epoll_ctl(poll, EPOLL_CTL_ADD, server, &(struct epoll_event){.events = EPOLLIN, .data.fd = server});
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
    puts("ready");
    fflush(stdout);
    while (!over) {
        uint64_t due = n_heap ? heap[0].due : now_ns() + 10000000ull;
        struct itimerspec at_due = {.it_value = {(time_t)(due / 1000000000ull), (long)(due % 1000000000ull)}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &at_due, NULL);
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, 10);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == timer) {
                if (read(timer, tail, 8) < 0) continue;
            } else if (fd == server) {
                for (int c; (c = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    epoll_ctl(poll, EPOLL_CTL_ADD, c, &(struct epoll_event){.events = EPOLLIN, .data.fd = c});
                }
            } else {
                on_readable(fd);
            }
            answer_due();
        }
        answer_due();
        stall_if_due(period);
    }
    FILE *log = fopen(argv[2], "wb");
    if (!log) return 4;
    fwrite(&n_records, 8, 1, log);
    fwrite(records, sizeof *records, n_records, log);
    fwrite(&n_stalls, 8, 1, log);
    fwrite(stalls, 16, n_stalls, log);
    return fclose(log) ? 5 : 0;
}
