import { describe, expect, it } from "vitest";
import { readLines } from "./ndjson";

const stream = (chunks: string[]) =>
    new ReadableStream<Uint8Array>({
        start(c) {
            for (const chunk of chunks) c.enqueue(new TextEncoder().encode(chunk));
            c.close();
        },
    });

async function read(...chunks: string[]): Promise<unknown[]> {
    const found: unknown[] = [];
    await readLines(stream(chunks), (v) => found.push(v));
    return found;
}

describe("lines of JSON", () => {
    it("come whole, wherever the network cuts them", async () => {
        expect(await read('{"a":', '1}\n{"b"', ':2}\n')).toEqual([{ a: 1 }, { b: 2 }]);
        expect(await read('{"a":1}')).toEqual([{ a: 1 }]);
        expect(await read("\n\n")).toEqual([]);
    });
    it("that are none are an error", async () => await expect(read("{oops\n")).rejects.toThrow(SyntaxError));
});
