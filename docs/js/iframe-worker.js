/* The search runs in a worker, and browsers start none from the file system: there, an iframe does its work. */
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget { // the search looks for the first name
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.receive(data);
      inside.importScripts = (...urls) => urls.reduce((done, each) => done.then(() => load(inside, each)),
        Promise.resolve());
      load(inside, url).then(() => {
        this.ready = true;
        this.waiting.forEach((data) => this.deliver(data));
      });
    }

    postMessage(data) {
      if (this.ready) this.deliver(data);
      else this.waiting.push(data);
    }

    deliver(data) {
      const inside = this.frame.contentWindow;
      setTimeout(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }

    receive(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }

    terminate() {
      this.frame.remove();
    }
  };

  const load = (inside, url) => new Promise((resolve, reject) => {
    const script = inside.document.createElement("script");
    script.src = new URL(url, document.baseURI).href;
    script.onload = resolve;
    script.onerror = reject;
    inside.document.body.append(script);
  });
}
