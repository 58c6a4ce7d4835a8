import com.apollographql.apollo.compiler.ApolloCompiler;
import com.apollographql.apollo.compiler.CodegenOptions;
import com.apollographql.apollo.compiler.CodegenSchemaOptions;
import com.apollographql.apollo.compiler.InputFile;
import com.apollographql.apollo.compiler.IrOptions;
import com.apollographql.apollo.compiler.TargetLanguage;
import com.apollographql.apollo.compiler.codegen.SourceOutputKt;
import java.io.File;
import java.util.List;

/** What Apollo's Gradle plugin does: makes models of a schema and operations. The rest is left to its defaults. */
class Generate {
    public static void main(String[] arguments) {
        var schema = List.of(new InputFile(new File(arguments[0]), "schema.graphqls"));
        var operations = List.of(new InputFile(new File(arguments[1]), "operations.graphql"));
        var intermediate = new IrOptions(null, null, null, null, null, null, null, null, null, null);
        var java = new CodegenOptions(
                TargetLanguage.JAVA, "chatterbox", null, null, null, null, null, null, null, null, null, null, null,
                null, null, null, null, null, null, null, null, null, null, null, null);
        var sources = ApolloCompiler.INSTANCE.buildSchemaAndOperationsSources(
                schema, operations, new CodegenSchemaOptions(), intermediate, java,
                null, null, null, null, null, null, null, null, null);
        SourceOutputKt.writeTo(sources, new File(arguments[2]), true, null);
    }
}
