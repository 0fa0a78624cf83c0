/** Loads pictures, one at a time; the last asked for wins. */
import { useEffect, useState } from "react";

export function usePicture(address: string | undefined): { image: HTMLImageElement | undefined; failed: boolean } {
  const [state, setState] = useState<{ address?: string; image?: HTMLImageElement; failed: boolean }>({
    failed: false,
  });
  useEffect(() => {
    if (!address) return setState({ failed: false });
    const image = new Image();
    let stale = false;
    image.decoding = "async";
    image.onload = () => !stale && setState({ address, image, failed: false });
    image.onerror = () => !stale && setState({ address, failed: true });
    image.src = address;
    return () => {
      stale = true;
    };
  }, [address]);
  return { image: state.image, failed: state.failed && state.address === address };
}
