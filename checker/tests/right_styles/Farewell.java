// day3_4 in Java: a new buffer for each client, which stays until the next collection.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;

public class Farewell {
    static final BigInteger MOST = BigInteger.valueOf(10_000_000);

    static void end(int status, String reason) {
        System.err.println(reason);
        System.exit(status);
    }

    static int number(String word, int least, int most) {
        int value = word.matches("[0-9]{1,9}") ? Integer.parseInt(word) : -1;
        if (value < least || value > most) {
            end(2, "no number from " + least + " to " + most);
        }
        return value;
    }

    public static void main(String[] words) throws InterruptedException {
        boolean limited = words.length == 3 && words[0].equals("-t");
        if (!limited && words.length != 1) {
            end(2, "usage: [-t MS] ADDRESS:PORT");
        }
        long limit = limited ? number(words[1], 1, 1_000_000) : 3000;
        String text = words[words.length - 1], part = "(0|[1-9][0-9]{0,2})";
        if (!text.matches("(" + part + "\\.){3}" + part + ":[0-9]+")) {
            end(2, "no address");
        }
        String[] ip = text.split(":")[0].split("\\.");
        byte[] bytes = new byte[4];
        for (int place = 0; place < 4; place++) {
            bytes[place] = (byte) number(ip[place], 0, 255);
        }
        int port = number(text.split(":")[1], 0, 65535);
        try {
            ServerSocket listener = new ServerSocket();
            listener.setReuseAddress(true);
            listener.bind(new InetSocketAddress(InetAddress.getByAddress(bytes), port), 64);
            System.out.println("listening " + text.split(":")[0] + ":" + listener.getLocalPort());
            serveAll(listener, limit);
        } catch (IOException error) {
            end(1, error.toString());
        }
    }

    static void serveAll(ServerSocket listener, long limit) throws InterruptedException {
        while (true) {
            try (Socket client = listener.accept()) {
                try {
                    serve(client, limit);
                } catch (IOException gone) {
                    // Its connection ends, and nothing else.
                }
            } catch (IOException error) {
                Thread.sleep(20);
            }
        }
    }

    /** Some bytes, or -1 at the end of the stream or of the time. */
    static int read(Socket client, byte[] buffer, long deadline) throws IOException {
        long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
        if (left <= 0) {
            return -1;
        }
        client.setSoTimeout((int) left);
        InputStream input = client.getInputStream();
        try {
            return input.read(buffer);
        } catch (SocketTimeoutException over) {
            return -1;
        }
    }

    static void serve(Socket client, long limit) throws IOException {
        long deadline = System.nanoTime() + limit * 1_000_000;
        StringBuilder got = new StringBuilder();
        byte[] buffer = new byte[65536];
        int newline = -1;
        while (newline < 0 && got.length() < 100) {
            int count = read(client, buffer, deadline);
            if (count < 0) {
                break;
            }
            got.append(new String(buffer, 0, count, StandardCharsets.ISO_8859_1));
            newline = got.indexOf("\n");
        }
        answer(client.getOutputStream(), newline < 0 ? "" : got.substring(0, newline));
        client.shutdownOutput();
        deadline = System.nanoTime() + limit * 1_000_000;
        long drained = 0;
        int count = 0;
        while (count >= 0 && drained < 1_000_000) {
            count = read(client, buffer, deadline);
            drained += count;
        }
    }

    static void answer(OutputStream output, String line) throws IOException {
        if (!line.matches("GET [0-9]+") || new BigInteger(line.substring(4)).compareTo(MOST) > 0) {
            output.write("bad request\n".getBytes(StandardCharsets.US_ASCII));
            return;
        }
        int left = Integer.parseInt(line.substring(4));
        byte[] digits = new byte[100_000];
        for (int place = 0; place < digits.length; place++) {
            digits[place] = (byte) ('0' + place % 10);
        }
        while (left > 0) {
            int part = Math.min(left, digits.length);
            output.write(digits, 0, part);
            left -= part;
        }
    }
}
