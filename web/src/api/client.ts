/* The typed client: one function per endpoint. Every call can be aborted; every failure is an ApiError
 * whose message can be shown to the user as it is. */
import type {
    AddressAnswer, Completion,
    Configuration,
    DocsAnswer,
    FilterValidation,
    FlowRow,
    FlowsAnswer,
    FlowsRequest,
    Health,
    LineAnswer,
    LineRequest,
    Result,
    SankeyAnswer,
    SankeyRequest,
    SavedFilter,
    Told,
    TopEntry,
    TrafficAnswer,
    UserInfo,
} from "./types";
import { readLines } from "@/lib/ndjson";

export class ApiError extends Error {
    readonly status: number;
    constructor(status: number, message: string) {
        super(message);
        this.name = "ApiError";
        this.status = status;
    }
}

export const isAbort = (e: unknown): boolean => e instanceof DOMException && e.name === "AbortError";

/** Addresses are resolved against <base href>, so that the console works under a sub-path. */
const address = (path: string): string => new URL(path, document.baseURI).toString();

async function failure(response: Response): Promise<ApiError> {
    let message = "";
    try {
        const body = (await response.json()) as { message?: unknown };
        if (typeof body.message === "string") message = body.message;
    } catch {
        /* not JSON (a proxy's page, perhaps): the status has to do */
    }
    if (!message) message = `The console answered ${response.status} ${response.statusText}`.trim() + ".";
    return new ApiError(response.status, message);
}

async function call(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
        response = await fetch(address(path), { credentials: "same-origin", ...init });
    } catch (e) {
        if (isAbort(e) || init.signal?.aborted) throw e; // with the reason of whoever gave up
        throw new ApiError(0, "The console cannot be reached. Is it running?");
    }
    if (!response.ok) throw await failure(response);
    return response;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await call(`api/v0/console/${path}`, { signal: signal ?? null, headers: { Accept: "application/json" } });
    return (await response.json()) as T;
}

function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    return call(`api/v0/console/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: signal ?? null,
    });
}

async function ask<T>(path: string, request: unknown, signal?: AbortSignal): Promise<Result<T>> {
    const began = performance.now();
    const response = await post(path, request, signal);
    const answer = (await response.json()) as T & Told;
    return { answer, sql: response.headers.get("X-SQL-Query") ?? answer.sql ?? null, took: performance.now() - began };
}

/** A slow question has a first look before its answer; `look` is called with it. */
async function askWithLook<T>(path: string, request: unknown, signal?: AbortSignal, look?: (first: Result<T>) => void): Promise<Result<T>> {
    const began = performance.now();
    const response = await post(`${path}?progress`, request, signal);
    const result = (answer: T & Told): Result<T> => ({ answer, sql: response.headers.get("X-SQL-Query") ?? answer.sql ?? null, took: performance.now() - began });
    if (!response.body || !/ndjson/.test(response.headers.get("Content-Type") ?? "")) return result((await response.json()) as T & Told);
    let last: Result<T> | undefined;
    await readLines(response.body, (line) => {
        const answer = line as T & Told & { status?: number; message?: string };
        if (typeof answer.status === "number") throw new ApiError(answer.status, answer.message || `The console answered ${answer.status}.`);
        last = result(answer);
        if (answer.coarse) look?.(last);
    });
    if (!last || last.answer.coarse) throw new ApiError(0, "The answer broke off. Is the console still running?");
    return last;
}

export const api = {
    configuration: (signal?: AbortSignal) => get<Configuration>("configuration", signal),

    /** null: nobody is signed in. */
    async userInfo(): Promise<UserInfo | null> {
        try {
            return await get<UserInfo>("user/info");
        } catch (e) {
            if (e instanceof ApiError && e.status === 401) return null;
            throw e;
        }
    },

    /** null: no flow has ever been stored. */
    async lastFlow(signal?: AbortSignal): Promise<FlowRow | null> {
        try {
            const row = await get<FlowRow | null>("widget/flow-last", signal);
            return row && Object.keys(row).length > 0 ? row : null;
        } catch (e) {
            if (e instanceof ApiError && e.status === 404) return null;
            throw e;
        }
    },

    flowRate: (signal?: AbortSignal) => get<{ rate: number; period: string }>("widget/flow-rate", signal),

    async exporters(signal?: AbortSignal): Promise<string[]> {
        return (await get<{ exporters: string[] | null }>("widget/exporters", signal)).exporters ?? [];
    },

    async top(name: string, signal?: AbortSignal): Promise<TopEntry[]> {
        return (await get<{ top: TopEntry[] | null }>(`widget/top/${encodeURIComponent(name)}`, signal)).top ?? [];
    },

    address: (address: string, signal?: AbortSignal) => get<AddressAnswer>(`address/${encodeURIComponent(address)}`, signal),

    traffic: (signal?: AbortSignal) => get<TrafficAnswer>("widget/graph", signal),

    line: (request: LineRequest, signal?: AbortSignal, look?: (first: Result<LineAnswer>) => void) => askWithLook<LineAnswer>("graph/line", request, signal, look),
    /** Single rows: those behind a point of a chart. */
    flows: (request: FlowsRequest, signal?: AbortSignal) => ask<FlowsAnswer>("flows", request, signal),
    sankey: (request: SankeyRequest, signal?: AbortSignal, look?: (first: Result<SankeyAnswer>) => void) => askWithLook<SankeyAnswer>("graph/sankey", request, signal, look),

    async validateFilter(filter: string, signal?: AbortSignal): Promise<FilterValidation> {
        return (await (await post("filter/validate", { filter }, signal)).json()) as FilterValidation;
    },

    async completeFilter(
        question: { what: "column" | "operator" | "value"; column?: string; operator?: string; prefix: string },
        signal?: AbortSignal,
    ): Promise<Completion[]> {
        const response = await post("filter/complete", question, signal);
        return ((await response.json()) as { completions: Completion[] | null }).completions ?? [];
    },

    async savedFilters(signal?: AbortSignal): Promise<SavedFilter[]> {
        return (await get<{ filters: SavedFilter[] | null }>("filter/saved", signal)).filters ?? [];
    },

    async saveFilter(filter: { description: string; content: string; shared: boolean }): Promise<void> {
        await post("filter/saved", filter);
    },

    async deleteSavedFilter(id: number): Promise<void> {
        await call(`api/v0/console/filter/saved/${id}`, { method: "DELETE" });
    },

    docs: (name: string, signal?: AbortSignal) => get<DocsAnswer>(`docs/${encodeURIComponent(name)}`, signal),

    /** Health of one role; `weir run` answers for all of them at the console's address. */
    async health(role: string, signal?: AbortSignal): Promise<Health | null> {
        const response = await fetch(address(`api/v0/${role}/healthcheck`), { signal: signal ?? null });
        if (!response.ok && response.status !== 503) return null;
        return (await response.json()) as Health;
    },
};
