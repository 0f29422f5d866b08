import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Windows EVENTS.csv OUT QUERY.sql...: runs each query in Flink over the events, which are in memory as Flink's own
 * rows before the clock runs. Writes the rows of each to OUT/QUERY.csv, and prints the query and the processor
 * seconds of a later run into a sink that drops the rows, the least of three; then the same of a run over a
 * thousand events, which is what a job costs before its events do.
 *
 * <p>One slot, reuse of objects, no checkpoints: each helps Flink.
 */
public final class Windows {
    private static final int RUNS = 3;
    private static final int FEW_EVENTS = 1_000;
    private static RowData[] events;

    public static void main(String[] args) throws Exception {
        events = read(Path.of(args[0]));
        Path out = Path.of(args[1]);
        for (int at = 2; at < args.length; at++) {
            Path file = Path.of(args[at]);
            String name = file.getFileName().toString().replace(".sql", "");
            String query = Files.readString(file);
            // It also warms the machine up.
            write(environment(events.length).executeSql(query).collect(), out.resolve(name + ".csv"));
            double all = leastSeconds(query, events.length);
            double start = leastSeconds(query, Math.min(FEW_EVENTS, events.length));
            System.out.println("RESULT " + name + " " + all + " " + start);
        }
    }

    private static double leastSeconds(String query, int count) throws Exception {
        double least = Double.MAX_VALUE;
        for (int run = 0; run < RUNS; run++) {
            StreamTableEnvironment environment = environment(count);
            String sink = "CREATE TABLE sink WITH ('connector' = 'blackhole') AS " + query;
            double before = processorSeconds();
            environment.executeSql(sink).await();
            least = Math.min(least, processorSeconds() - before);
        }
        return least;
    }

    private static double processorSeconds() {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }

    private static RowData[] read(Path path) throws Exception {
        List<RowData> rows = new ArrayList<>();
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            reader.readLine();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] fields = line.split(",", -1);
                StringData category = fields[1].isEmpty() ? null : StringData.fromString(fields[1]);
                TimestampData ts = TimestampData.fromEpochMillis(Long.parseLong(fields[2]));
                rows.add(GenericRowData.of(StringData.fromString(fields[0]), category, ts));
            }
        }
        return rows.toArray(new RowData[0]);
    }

    private static StreamTableEnvironment environment(int count) {
        StreamExecutionEnvironment streams = StreamExecutionEnvironment.getExecutionEnvironment();
        streams.setParallelism(1);
        streams.getConfig().enableObjectReuse();
        StreamTableEnvironment tables = StreamTableEnvironment.create(streams);
        tables.getConfig().setLocalTimeZone(java.time.ZoneOffset.UTC);
        RowType type =
                RowType.of(
                        new LogicalType[] {
                            new VarCharType(false, VarCharType.MAX_LENGTH),
                            new VarCharType(VarCharType.MAX_LENGTH),
                            new TimestampType(false, 3)
                        },
                        new String[] {"user_id", "category", "ts"});
        DataStream<RowData> source =
                streams.fromSequence(0, count - 1)
                        .map(place -> events[place.intValue()])
                        .returns(InternalTypeInfo.of(type));
        Schema schema =
                Schema.newBuilder()
                        .column("user_id", "STRING NOT NULL")
                        .column("category", "STRING")
                        .column("ts", "TIMESTAMP(3) NOT NULL")
                        .watermark("ts", "ts - INTERVAL '2' SECOND")
                        .build();
        tables.createTemporaryView("events", source, schema);
        return tables;
    }

    private static void write(CloseableIterator<Row> rows, Path path) throws Exception {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(path));
                CloseableIterator<Row> closing = rows) {
            while (closing.hasNext()) {
                Row row = closing.next();
                StringBuilder line = new StringBuilder();
                for (int column = 0; column < row.getArity(); column++) {
                    Object value = row.getField(column);
                    if (value instanceof java.time.LocalDateTime time) {
                        value = time.toInstant(java.time.ZoneOffset.UTC).toEpochMilli();
                    }
                    line.append(column == 0 ? "" : ",").append(value == null ? "" : value);
                }
                out.println(line);
            }
        }
    }
}
