/* Work that waits its turn. A browser has six connections to a server: a page that holds them all with questions that
 * are not answered can neither ask anything else nor be left. */

export function turns(most: number): <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T> {
    let free = most;
    const waiting: (() => void)[] = [];

    const turn = (signal: AbortSignal): Promise<void> =>
        new Promise((go, no) => {
            waiting.push(go);
            signal.addEventListener("abort", () => {
                const i = waiting.indexOf(go);
                if (i < 0) return;
                waiting.splice(i, 1);
                no(signal.reason as Error);
            });
        });

    return async (signal, work) => {
        if (free > 0) free--;
        else await turn(signal);
        try {
            return await work();
        } finally {
            const next = waiting.shift();
            if (next) next();
            else free++;
        }
    };
}
