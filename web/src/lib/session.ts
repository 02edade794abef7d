/* What every page needs from the server: configuration and who is asking. Loaded once, before the first page. */
import { readonly, ref, shallowRef } from "vue";
import { api } from "@/api/client";
import type { Configuration, UserInfo } from "@/api/types";

const configurationRef = shallowRef<Configuration>();
const userRef = shallowRef<UserInfo | null>();
const failureRef = ref("");

export const failure = readonly(failureRef);
export const user = userRef;
export const maybeConfiguration = configurationRef;

/** Pages are only shown once it is there (App.vue). */
export function configuration(): Configuration {
    const c = configurationRef.value;
    if (!c) throw new Error("configuration used before it was loaded");
    return c;
}

export async function loadSession(): Promise<void> {
    failureRef.value = "";
    try {
        const [c, u] = await Promise.all([api.configuration(), api.userInfo()]);
        userRef.value = u;
        configurationRef.value = c;
    } catch (e) {
        failureRef.value = e instanceof Error ? e.message : String(e);
    }
}

/** The server decides anew with each request whether the default filter can be used. */
export async function refreshConfiguration(signal?: AbortSignal): Promise<void> {
    configurationRef.value = await api.configuration(signal);
}
