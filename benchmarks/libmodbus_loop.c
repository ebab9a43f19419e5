/* The least that reading costs: a bare polling loop in C with libmodbus, nothing decoded, nothing kept.
 *
 *   libmodbus_loop <period_ms> <address:count,...> <port>...      e.g.  libmodbus_loop 1000 0:124,124:76 5020 5021
 *
 * Every period each device on 127.0.0.1 is asked for the same blocks of holding registers (unit 1), the devices evenly
 * spread over the period. It sleeps until the next device is due, runs until killed, and ends with status 1 when a
 * device fails. Build: gcc -O2 libmodbus_loop.c $(pkg-config --cflags --libs libmodbus)
 */

#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BLOCKS_MAX 64
#define NS_PER_S INT64_C(1000000000)

struct block {
    int address, count;
};

static void fail(const char *what, const char *which) {
    fprintf(stderr, "%s %s: %s\n", what, which, modbus_strerror(errno));
    exit(EXIT_FAILURE);
}

static int parse_blocks(const char *text, struct block *blocks) {
    int n = 0, length = 0;
    while (n < BLOCKS_MAX && sscanf(text, "%d:%d%n", &blocks[n].address, &blocks[n].count, &length) == 2) {
        if (blocks[n].address < 0 || blocks[n].count < 1 || blocks[n].count > MODBUS_MAX_READ_REGISTERS) return 0;
        n++;
        text += length;
        if (*text == '\0') return n;
        if (*text++ != ',') return 0;
    }
    return 0;
}

static modbus_t *connected(const char *port) {
    modbus_t *device = modbus_new_tcp("127.0.0.1", atoi(port));
    if (!device || modbus_set_slave(device, 1) || modbus_connect(device)) fail("connecting to", port);
    return device;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t due_ns) {
    struct timespec due = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
}

static void read_device(modbus_t *device, const struct block *blocks, int n, const char *port) {
    uint16_t registers[MODBUS_MAX_READ_REGISTERS];
    for (int i = 0; i < n; i++)
        if (modbus_read_registers(device, blocks[i].address, blocks[i].count, registers) != blocks[i].count)
            fail("reading from", port);
}

int main(int argc, char **argv) {
    struct block blocks[BLOCKS_MAX];
    int64_t period_ns = argc > 1 ? atoll(argv[1]) * 1000000 : 0;
    int n = argc > 3 ? parse_blocks(argv[2], blocks) : 0, devices = argc - 3;
    if (period_ns <= 0 || n == 0) {
        fprintf(stderr, "usage: %s <period_ms> <address:count,...> <port>...\n", argv[0]);
        return 2;
    }
    char **ports = argv + 3;
    modbus_t **device = calloc((size_t)devices, sizeof *device);
    if (!device) fail("making room for", "all devices");
    for (int i = 0; i < devices; i++) device[i] = connected(ports[i]);

    int64_t start_ns = now_ns();
    for (int64_t turn = 0;; turn++) { /* all periods are equal, so whoever was due first is due first again */
        int64_t i = turn % devices;
        sleep_until(start_ns + (turn / devices) * period_ns + i * period_ns / devices);
        read_device(device[i], blocks, n, ports[i]);
    }
}
