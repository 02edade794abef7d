/* An answer in lines of JSON: each is given as soon as it is there. */

/** Complete lines of what has come so far, and what is left of the last one. */
export function splitLines(text: string): { lines: string[]; rest: string } {
    const parts = text.split("\n");
    const rest = parts.pop()!;
    return { lines: parts.filter((line) => line.trim() !== ""), rest };
}

export async function readLines(body: ReadableStream<Uint8Array>, line: (value: unknown) => void): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
        const { done, value } = await reader.read();
        text += done ? decoder.decode() : decoder.decode(value, { stream: true });
        const { lines, rest } = splitLines(done ? `${text}\n` : text);
        text = rest;
        for (const l of lines) line(JSON.parse(l));
        if (done) return;
    }
}
