import { describe, expect, it } from "vitest";
import { parseTime } from "./timeparse";

// A Saturday; local time, so the tests hold in every zone.
const now = new Date(2026, 10, 21, 15, 42, 30);
const local = (y: number, mo: number, d: number, h = 0, mi = 0, s = 0) => new Date(y, mo - 1, d, h, mi, s);

describe("parseTime", () => {
    it.each<[string, Date]>([
        ["now", now],
        ["  Now ", now],
        ["6 hours ago", local(2026, 11, 21, 9, 42, 30)],
        ["an hour ago", local(2026, 11, 21, 14, 42, 30)],
        ["90 minutes ago", local(2026, 11, 21, 14, 12, 30)],
        ["1h30m ago", local(2026, 11, 21, 14, 12, 30)],
        ["2 days and 3 hours ago", local(2026, 11, 19, 12, 42, 30)],
        ["-15m", local(2026, 11, 21, 15, 27, 30)],
        ["6h", local(2026, 11, 21, 9, 42, 30)],
        ["1 month ago", local(2026, 10, 21, 15, 42, 30)],
        ["two weeks ago", local(2026, 11, 7, 15, 42, 30)],
        ["1 year ago", local(2025, 11, 21, 15, 42, 30)],
        ["today", local(2026, 11, 21)],
        ["yesterday", local(2026, 11, 20)],
        ["yesterday at 10:00", local(2026, 11, 20, 10)],
        ["yesterday 10:30:15", local(2026, 11, 20, 10, 30, 15)],
        ["yesterday at 10pm", local(2026, 11, 20, 22)],
        ["yesterday at noon", local(2026, 11, 20, 12)],
        ["today at 12am", local(2026, 11, 21, 0)],
        ["the day before yesterday", local(2026, 11, 19)],
        ["3 days ago at 08:00", local(2026, 11, 18, 8)],
        ["10:00", local(2026, 11, 21, 10)],
        ["at 9am", local(2026, 11, 21, 9)],
        ["monday", local(2026, 11, 16)],
        ["last saturday", local(2026, 11, 14)],
        ["saturday", local(2026, 11, 21)],
        ["last monday at 09:15", local(2026, 11, 16, 9, 15)],
        ["this hour", local(2026, 11, 21, 15)],
        ["this week", local(2026, 11, 16)],
        ["this month", local(2026, 11, 1)],
        ["this year", local(2026, 1, 1)],
        ["last week", local(2026, 11, 14, 15, 42, 30)],
        ["start of last week", local(2026, 11, 9)],
        ["start of the day", local(2026, 11, 21)],
        ["beginning of last month", local(2026, 10, 1)],
        ["2026-11-20", local(2026, 11, 20)],
        ["2026-11-20 08:05", local(2026, 11, 20, 8, 5)],
        ["2026-11-20T08:05:07", local(2026, 11, 20, 8, 5, 7)],
        ["2026-11-20T08:05:07Z", new Date("2026-11-20T08:05:07Z")],
        ["2026-11-20T08:05:07.123+02:00", new Date("2026-11-20T06:05:07Z")],
        ["2026-11-20 08:05 utc", new Date("2026-11-20T08:05:00Z")],
        ["now-6h", local(2026, 11, 21, 9, 42, 30)],
        ["now - 30m", local(2026, 11, 21, 15, 12, 30)],
        ["half an hour ago", local(2026, 11, 21, 15, 12, 30)],
        ["1.5 hours ago", local(2026, 11, 21, 14, 12, 30)],
        ["20.11.2026", local(2026, 11, 20)],
        ["20.11.2026 08:05", local(2026, 11, 20, 8, 5)],
        ["1764400000", new Date(1_764_400_000_000)],
        ["nov 20", local(2026, 11, 20)],
        ["20 November 2025", local(2025, 11, 20)],
        ["Dec 24", local(2025, 12, 24)],
        ["Nov 20 10:00", local(2026, 11, 20, 10)],
        ["20 nov 2026 at 10:00", local(2026, 11, 20, 10)],
        ["20th of november", local(2026, 11, 20)],
        ["5:30pm yesterday", local(2026, 11, 20, 17, 30)],
        ["noon on monday", local(2026, 11, 16, 12)],
        ["2026/11/20", local(2026, 11, 20)],
        ["2026/11/20 08:05", local(2026, 11, 20, 8, 5)],
        ["the beginning of last month", local(2026, 10, 1)],
        ["end of last month", local(2026, 11, 1)],
        ["end of the day", local(2026, 11, 22)],
        ["end of yesterday", local(2026, 11, 21)],
        ["start of monday", local(2026, 11, 16)],
        ["just now", now],
    ])("understands %j", (text, expected) => {
        expect(parseTime(text, now)?.toISOString()).toBe(expected.toISOString());
    });

    it.each(["", "soon", "6 parsecs ago", "yesterday at 25:00", "2026-02-31", "2026-13-01", "10:75", "13pm", "ago", "7", "now now", "99999 years ago", "20/11/2026", "31.02.2026", "1.5 months ago", "half a day ago", "end of", "end of times", "25:00 yesterday", "noon on", "2026/02/31"])(
        "refuses %j",
        (text) => expect(parseTime(text, now)).toBeNull(),
    );

    it("keeps the day of the month where it exists", () => {
        expect(parseTime("1 month ago", local(2026, 3, 31, 8))?.toISOString()).toBe(local(2026, 2, 28, 8).toISOString());
    });
});
