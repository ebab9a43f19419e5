/* A Modbus TCP device made with libmodbus, its fixed register image written by C.
 *
 *   libmodbus_server        prints its port on 127.0.0.1, serves one client after the other, runs until killed
 *
 * What stands where is read by test_libmodbus.py; addresses behind the tables answer exception 2. The float functions of
 * libmodbus are not used: their orders changed between its versions (its issues 665 and 770).
 */

#include <arpa/inet.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REGISTERS 300
#define BITS 40

static uint16_t swapped(uint16_t word) {
    return (uint16_t)(word << 8 | word >> 8);
}

static void put32(uint16_t *at, uint32_t bits) {
    MODBUS_SET_INT32_TO_INT16(at, 0, (int32_t)bits);
}

static void put64(uint16_t *at, uint64_t bits) {
    MODBUS_SET_INT64_TO_INT16(at, 0, (int64_t)bits);
}

static void put_float(uint16_t *at, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put32(at, bits);
}

static void put_text(uint16_t *at, const char *text) { /* first character in the high byte */
    for (size_t i = 0; i < strlen(text); i++) at[i / 2] |= (uint16_t)((unsigned char)text[i] << (i % 2 ? 0 : 8));
}

static void put_digits(uint16_t *at, const char *digits, int base) { /* four digits a register: BCD, or base 10 000 */
    for (size_t i = 0; i < strlen(digits); i += 4) {
        char four[5] = {0};
        memcpy(four, digits + i, 4);
        at[i / 4] = (uint16_t)strtol(four, NULL, base);
    }
}

static void fill_floats(uint16_t *at) {
    put_float(at, -23.47f);                                      /* ABCD */
    at[2] = at[1], at[3] = at[0];                                /* CDAB */
    at[4] = swapped(at[0]), at[5] = swapped(at[1]);              /* BADC */
    at[6] = swapped(at[1]), at[7] = swapped(at[0]);              /* DCBA */
    put_float(at + 8, 1e-40f);                                   /* denormal */
    put_float(at + 10, 3.4028235e38f);                           /* the greatest */
    put_float(at + 12, 0.0f / 0.0f);
}

static void fill_whole(uint16_t *at) {
    at[0] = (uint16_t)-2;
    at[1] = 65535;
    put32(at + 2, (uint32_t)-123456);
    put32(at + 4, 4294967295u);
    put64(at + 6, (uint64_t)-1234567890123456789);
    put64(at + 10, 9223372036854775807u);
    put64(at + 14, 18446744073709551615u);
    uint16_t wide[4];
    put64(wide, (uint64_t)-140737488355328); /* -2^47: the lower three words of it */
    memcpy(at + 18, wide + 1, 6);
    put64(wide, 281474976710655); /* 2^48 - 1 */
    memcpy(at + 21, wide + 1, 6);
    at[24] = 0x80C8; /* bytes -128 and 200 */
    for (int i = 0; i < 4; i++) at[25 + i] = swapped(at[9 - i]); /* the int64 again, all bytes reversed */
}

static void fill_other(uint16_t *at) {
    double pi = 3.141592653589793;
    uint64_t bits;
    memcpy(&bits, &pi, 8);
    put64(at, bits);
    at[4] = 0x4d00; /* float16: 20.0 */
    put_digits(at + 5, "1234", 16);
    put_digits(at + 6, "00420099", 16);
    put_digits(at + 8, "123456789012", 16);
    put_digits(at + 11, "9999999999999999", 16);
    put_digits(at + 15, "00420099", 10);
    put_digits(at + 17, "123456789012", 10);
    put_digits(at + 20, "9999999999999999", 10);
    at[24] = 0x12A4;  /* no BCD */
    at[25] = 10000;   /* no mod-10 digit */
    put_text(at + 30, "SK 37 \xe6\xb2\xb9\xe5\x8e\x8b"); /* UTF-8 */
    for (int i = 0; i < 6; i++) at[40 + i] = swapped(at[30 + i]);
    put_text(at + 50, "\xd3\xcd\xd1\xb9"); /* the same two characters in GBK */
}

static void fill_sunspec(uint16_t *at) {
    at[0] = 235, at[1] = 0x8000, at[2] = (uint16_t)-1;     /* current, one that is not implemented, A_SF = -1 */
    at[3] = 4200, at[4] = 0x8000;                          /* a number whose power of ten is not implemented */
    at[5] = 4, at[6] = 9;                                  /* operating state, and one that nobody knows */
}

static int listen_anywhere(modbus_t *server) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int line = modbus_tcp_listen(server, 1);
    if (line == -1 || getsockname(line, (struct sockaddr *)&address, &size)) exit(EXIT_FAILURE);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return line;
}

int main(void) {
    modbus_t *server = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(BITS, BITS, REGISTERS, REGISTERS);
    if (!server || !map) return EXIT_FAILURE;
    fill_floats(map->tab_registers);
    fill_whole(map->tab_registers + 20);
    fill_other(map->tab_registers + 60);
    fill_sunspec(map->tab_input_registers + 70);
    const uint8_t packed[5] = {0x0D, 0x80, 0x00, 0x01, 0xFF};
    modbus_set_bits_from_bytes(map->tab_bits, 0, BITS, packed);
    modbus_set_bits_from_bytes(map->tab_input_bits, 0, BITS, packed + 1);

    int line = listen_anywhere(server);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    while (modbus_tcp_accept(server, &line) != -1) {
        int length;
        while ((length = modbus_receive(server, query)) != -1) modbus_reply(server, query, length, map);
        modbus_close(server);
    }
    return EXIT_FAILURE;
}
