export { installUtilShim } from "./util-shim.ts";
