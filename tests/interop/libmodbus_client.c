/* Reads any Modbus TCP server with libmodbus and prints what it got.
 *
 *   libmodbus_client <port> <unit> <table> <address> <count>
 *
 * Words as four hex digits and bits as 0 or 1, one a line. An exception or a time-out goes to stderr, status 1.
 */

#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(void) {
    fprintf(stderr, "%s\n", modbus_strerror(errno));
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    modbus_t *device = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    int address = atoi(argv[4]), count = atoi(argv[5]);
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    uint8_t bits[MODBUS_MAX_READ_BITS];
    if (!device || modbus_set_slave(device, atoi(argv[2])) || modbus_connect(device)) return fail();

    int of_bits = !strcmp(argv[3], "coil") || !strcmp(argv[3], "discrete"), got;
    if (!strcmp(argv[3], "coil")) got = modbus_read_bits(device, address, count, bits);
    else if (!strcmp(argv[3], "discrete")) got = modbus_read_input_bits(device, address, count, bits);
    else if (!strcmp(argv[3], "holding")) got = modbus_read_registers(device, address, count, words);
    else got = modbus_read_input_registers(device, address, count, words);
    if (got != count) return fail();

    for (int i = 0; i < count; i++) {
        if (of_bits) printf("%d\n", bits[i]);
        else printf("%04x\n", words[i]);
    }
    modbus_close(device);
    modbus_free(device);
    return 0;
}
