import { describe, expect, it } from "vitest";
import { TOP_WIDGETS } from "./drill";

describe("conditions of home entries", () => {
    it.each([
        ["src-as", "15169: GOOGLE", "SrcAS = AS15169"],
        ["dst-as", "64501", "DstAS = AS64501"],
        ["src-as", "???", null],
        ["src-country", "FR", 'SrcCountry = "FR"'],
        ["exporter", 'a"b', 'ExporterName = "a\\"b"'],
        ["exporter", "192.0.2.1", "ExporterAddress = 192.0.2.1"],
        ["exporter", "2001:db8::1", "ExporterAddress = 2001:db8::1"],
        ["exporter", "1.2.3", 'ExporterName = "1.2.3"'],
        ["protocol", "TCP", 'Proto = "TCP"'],
        ["protocol", "47", "Proto = 47"],
        ["protocol", "???", null],
        ["etype", "IPv6", "EType = IPv6"],
        ["etype", "2048", null],
        ["src-port", "TCP/443", 'Proto = "TCP" AND SrcPort = 443'],
        ["dst-port", "53", "DstPort = 53"],
        ["dst-port", "17/53", "Proto = 17 AND DstPort = 53"],
    ])("%s %j", (widget, name, expected) => expect(TOP_WIDGETS[widget]!.condition(name)).toBe(expected));
});
