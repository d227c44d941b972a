// SPDX-License-Identifier: MIT

/** Spin SECONDS: one thread polls, and the main thread waits. */
public class Spin {
    static volatile boolean over;
    static long turns;

    static void poll() {
        while (!over) {
            turns += System.nanoTime() & 1;
            Thread.onSpinWait();
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        Thread worker = new Thread(Spin::poll, "spin");
        worker.start();
        Thread.sleep(1000L * Integer.parseInt(arguments[0]));
        over = true;
        worker.join();
        System.out.println("done");
    }
}
