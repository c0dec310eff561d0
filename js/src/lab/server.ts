// The page's own Jupyter server, by the page's own rules of tokens and cross-site requests.
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import type { Server } from "../source/server";

export function serverOf(settings: ServerConnection.ISettings): Server {
  const below = (base: string, route: string) => URLExt.join(base, "lgviz", "api", route);
  return {
    fetch: (route, init) => ServerConnection.makeRequest(below(settings.baseUrl, route), init, settings),
    socket(route) {
      const token =
        settings.appendToken && settings.token !== "" ? `?token=${encodeURIComponent(settings.token)}` : "";
      return new settings.WebSocket(below(settings.wsUrl, route) + token);
    },
  };
}
