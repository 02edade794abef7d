/* Whether the window is as narrow as a phone: where style alone is not enough, because another order is. */
import { ref } from "vue";

const query = window.matchMedia("(max-width: 39.99rem)");
export const onPhone = ref(query.matches);
query.addEventListener("change", (e) => (onPhone.value = e.matches));
